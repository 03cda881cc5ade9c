"""The formulas against the truth: each operator executed in plain loops on numbers that count what is done to them."""

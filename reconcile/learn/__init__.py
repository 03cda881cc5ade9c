"""Learning rulebooks: a tool is run on a battery of small models, and the integers that it returns are solved."""

from reconcile.learn.book import learn_rulebook, predicted_compute, predicted_parameters
from reconcile.learn.lesson import NUMBER_OF_JOBS, Lesson, learn, lesson_sentences, predicts_unused
from reconcile.learn.revise import revised
from reconcile.learn.text import rulebook_text, rulebook_yaml

__all__ = [
    "NUMBER_OF_JOBS",
    "Lesson",
    "learn",
    "learn_rulebook",
    "lesson_sentences",
    "predicted_compute",
    "predicted_parameters",
    "predicts_unused",
    "revised",
    "rulebook_text",
    "rulebook_yaml",
]

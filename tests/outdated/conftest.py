from tests.environments.wheels import index

__all__ = ["index"]

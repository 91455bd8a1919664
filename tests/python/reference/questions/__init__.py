"""What is asked of the sample. Every file asks about one head."""

from . import funnel, lists, measures, retention, sessions, tables  # noqa: F401

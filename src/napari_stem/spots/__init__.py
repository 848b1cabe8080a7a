"""Where on a slide counts are measured or predicted."""

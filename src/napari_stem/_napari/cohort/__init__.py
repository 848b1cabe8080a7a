"""The Cohort dock: many predicted slides at a glance."""

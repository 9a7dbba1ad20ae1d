"""For tests of applications: the pytest plugin, and the template databases behind its fixture."""

"""For tests of applications: the pytest plugin, unittest's and Django's way, and the template databases behind them."""

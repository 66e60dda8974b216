"""Workers on other machines, through engines that are good at machines: Dask and Ray."""

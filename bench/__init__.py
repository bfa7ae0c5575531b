"""Measurements, one file each. What is printed is compared within one run: machines differ, ratios hardly do."""

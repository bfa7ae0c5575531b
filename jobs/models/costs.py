"""What costs are reckoned with, beside each host's own figures."""

from __future__ import annotations

from django.db import models


class CostBasis(models.Model):
    """One row at most, domain.costs.Basis; without it the shipped figures hold. Written by services.costing."""

    price_per_kwh = models.FloatField()
    hours_a_day = models.FloatField()
    pages_per_document = models.FloatField(null=True, blank=True)
    elsewhere_per_1000 = models.FloatField(null=True, blank=True)

    def __str__(self) -> str:
        return f"costs at {self.price_per_kwh:g} a kWh"

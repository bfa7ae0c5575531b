"""What the hosts cost, and from which volume the second one pays off. For administrators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs import errors
from jobs.domain.costs import Basis, power_month
from jobs.services import costing
from jobs.services.costing import HostCost
from jobs.views import charts, host_figures, words
from jobs.views.administrators import administrators_only
from jobs.views.charts import Chart, Series

STEPS = 40  # of the chart at most, up to what both hosts can read


class BasisForm(forms.Form):
    """What costs are reckoned with. services.costing judges it; here it is only read."""

    price_per_kwh = forms.FloatField(label="Price of a kWh ($)", help_text="For hosts whose power is not entered.")
    hours_a_day = forms.FloatField(label="Hours a day", help_text="How long hosts may read: 24 for day and night.")
    pages_per_document = forms.FloatField(
        label="Pages a document", required=False, help_text="Empty: the mean of what was uploaded in the last 30 days."
    )
    elsewhere_per_1000 = forms.FloatField(
        label="1,000 pages read elsewhere ($)",
        required=False,
        help_text="What you would pay for what your hosts cannot read. Empty: it would stay unread.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"id_{name}_help"


class CostRow:
    """One host's line in the table."""

    def __init__(self, host: HostCost, basis: Basis) -> None:
        self.host, self.name, self.basis = host, host.backend.name, basis

    @property
    def drawn(self) -> str:
        """`281 kWh a month, $34.56`: what its GPU drew; empty where nobody measured it."""
        drawn = self.host.drawn
        if drawn is None:
            return ""
        cost = power_month(drawn.watts, self.basis.price_per_kwh)
        return f"{words.figure(drawn.kwh_month)} kWh a month, {money((cost, cost), cents=True)}"

    @property
    def cells(self) -> list[tuple[str, str]]:
        """(heading, words) of each column."""
        found = self.host.costs
        if found is None:
            return []
        reckoned = f", from {found.power_from_watts:g} W" if found.power_from_watts is not None else ""
        return [
            ("Hardware", money(found.hardware)),
            ("Power a month", f"{money((found.power_month, found.power_month))}{reckoned}"),
            ("A month", money((found.month, found.month))),
            ("One year", money(found.after(12))),
            ("Three years", money(found.after(36))),
            ("1,000 pages", money(self.host.per_1000_pages, cents=True) or "no page today"),
        ]


HEADINGS = ("Hardware", "Power a month", "A month", "One year", "Three years", "1,000 pages")


def money(amount: Sequence[float] | None, *, cents: bool = False) -> str:
    """`$480`, `$5,540–15,540`, with cents `$0.41`; empty for none."""
    if amount is None:
        return ""
    low, high = (f"{one:,.2f}" if cents else f"{one:,.0f}" for one in amount)
    return f"${low}" if low == high else f"${low}–{high}"


class CostScreen:
    """The whole screen."""

    def __init__(self) -> None:
        self.found = costing.overview()
        self.rows = [CostRow(host, self.found.basis) for host in self.found.hosts]
        self.headings = HEADINGS
        self.any_drawn = any(row.drawn for row in self.rows)

    @cached_property
    def pays_off(self) -> str:
        """From when the second host pays off, as a sentence; why it is not known, where it is not."""
        found, pair = self.found, self.found.pair
        if not found.second:
            return "There is no second GPU host in the order of the rules: nothing to compare."
        if pair is None:
            return "Enter the costs of both hosts, and how fast they are expected to be, to see it."
        span = pair.pays_off()
        if span is None:
            return f"{found.second} does not pay off at this price: reading elsewhere is cheaper, even with both full."
        volume = host_figures.range_words((round(span[0]), round(span[1])), "documents a day")
        alone = f"{found.first} alone reads about {pair.first_documents:,.0f}"
        if pair.elsewhere_per_1000 is None:
            return f"{found.second} pays off from about {volume}: {alone}, and what comes beyond stays unread."
        return f"{found.second} pays off from about {volume}: {alone}, and what comes beyond is paid for elsewhere."

    @property
    def paces(self) -> list[str]:
        """What each host can read in a day, and how that is known."""
        return [
            f"{host.backend.name}: about {host.pages_a_day:,.0f} pages a day, {host.pace_from}"
            for host in self.found.hosts
            if host.pages_a_day
        ]

    @cached_property
    def chart(self) -> Chart | None:
        """What 1,000 pages cost at each volume; None without two hosts to compare."""
        pair = self.found.pair
        if pair is None:
            return None
        step = charts.rounded_up(pair.most_documents / STEPS)
        last = math.ceil(pair.most_documents * 1.1 / step)
        # What little costs would press all the rest flat: the first tenth is left out.
        volumes = [step * place for place in range(last // 10 + 1, last + 1)]
        both = [pair.both(volume) for volume in volumes]
        lines = [
            Series(f"{self.found.first} alone", "line-1", [pair.first_alone(volume) for volume in volumes]),
            Series("both, cheapest", "line-2", [low for low, _ in both]),
            Series("both, dearest", "line-3", [high for _, high in both]),
        ]
        span = pair.pays_off()
        place = ((span[1] - volumes[0]) / step + 0.5) / len(volumes) if span else None
        return Chart(
            key="costs",
            title="1,000 pages, by how much comes",
            note="With hardware spread over three years."
            + (" The upright line: from there the second host pays off." if place else ""),
            labels=[f"{volume:,.0f}" for volume in volumes],
            series=lines,
            shown=lambda value: f"${value:,.2f}",
            axis="Documents a day",
            mark=place if place is not None and 0 <= place <= 1 else None,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def costs(request: HttpRequest) -> HttpResponse:
    """A POST changes what is reckoned with."""
    form = BasisForm(request.POST or None, initial=_entered())
    if request.method == "POST" and _saved(form, request):
        messages.success(request, "The costs were saved.")
        return redirect("costs")
    context = {"screen": CostScreen(), "form": form}
    return render(request, "jobs/costs.html", context, status=422 if form.errors else 200)


def _entered() -> dict[str, str]:
    """As people write it: 24, not 24.0."""
    return {name: "" if value is None else f"{value:.10g}" for name, value in asdict(costing.basis()).items()}


def _saved(form: BasisForm, request: HttpRequest) -> bool:
    if form.is_valid():
        try:
            costing.change(by=request.user, **form.cleaned_data)
        except errors.Invalid as error:
            for name, reason in error.fields.items():
                form.add_error(name, reason)
    return form.is_valid()

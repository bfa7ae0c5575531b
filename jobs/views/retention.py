"""What is kept for how long: the rules as a form, tried before they are saved. For administrators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from jobs import errors
from jobs.domain.retention import LONGEST_DAYS, PARTS, STATES, checked
from jobs.services import retention
from jobs.views.administrators import administrators_only

STATE_WORDS = {"ended": "any that ended", "partial": "partial (some pages failed)"}


class RuleForm(forms.Form):
    """One rule; without a part it is none."""

    what = forms.ChoiceField(label="Delete", required=False, choices=[("", "nothing"), *PARTS.items()], initial="")
    status = forms.ChoiceField(
        label="Of documents that are", choices=[(state, STATE_WORDS.get(state, state)) for state in STATES]
    )
    age_days = forms.FloatField(label="Days after they ended", initial=90, min_value=0, max_value=LONGEST_DAYS)
    enabled = forms.BooleanField(label="On", required=False)


Rules = forms.formset_factory(RuleForm, extra=1)


@require_http_methods(["GET", "HEAD", "POST"])
@administrators_only
def edit(request: HttpRequest) -> HttpResponse:
    """Shows them, tries them, saves them."""
    if request.method != "POST":
        shown = [asdict(rule) for rule in retention.rules()]
        return _page(request, Rules(initial=shown))
    posted = Rules(request.POST)
    if not posted.is_valid():
        return _page(request, posted, status=422)
    told = [form.cleaned_data for form in posted if form.cleaned_data.get("what")]
    try:
        if request.POST.get("do") == "try":
            return _page(request, posted, trials=retention.trial(checked(told)))
        retention.save(told, by=request.user)
    except errors.Invalid as refusal:
        messages.error(request, refusal.message)
        return _page(request, posted, status=422)
    messages.success(request, "The rules are saved.")
    return redirect("retention")


def _page(request: HttpRequest, rules: Any, *, trials: Any = None, status: int = 200) -> HttpResponse:
    context = {"rules": rules, "trials": trials, "trash_days": settings.TRASH_DAYS}
    return render(request, "jobs/retention.html", context, status=status)

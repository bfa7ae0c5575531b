"""Signing in and out, one's own password and API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from jobs import errors
from jobs.forms import SignInForm, TokenForm
from jobs.models import ApiToken
from jobs.services import access
from jobs.views.requests import SiteRequest


@method_decorator([login_not_required, sensitive_post_parameters(), never_cache, csrf_protect], name="dispatch")
class SignIn(auth.LoginView):
    """Django's own, which checks that `next` stays on this site."""

    template_name = "registration/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # A poll whose session ended was redirected here: the page as a whole must come, not a piece of it.
        if request.method == "GET" and getattr(request, "htmx", False):
            return HttpResponseClientRefresh()
        return super().dispatch(request, *args, **kwargs)


class SignOut(auth.LogoutView):
    """By POST alone."""


class ChangePassword(SuccessMessageMixin, auth.PasswordChangeView):
    template_name = "registration/change_password.html"
    success_url = reverse_lazy("account")
    success_message = "Your password was changed."


@require_safe
def account(request: SiteRequest) -> HttpResponse:
    return _account(request, TokenForm(user=request.user))


@never_cache
@require_POST
def create_token(request: SiteRequest) -> HttpResponse:
    """Shows the new token, this once, in the answer itself: it is kept nowhere."""
    form = TokenForm(request.POST, user=request.user)
    if not form.is_valid():
        return _account(request, form, status=422)
    try:
        token, plain = access.create_token(request.user, **form.cleaned_data)
    except errors.Invalid as error:
        form.add_error(None, error.message)
        return _account(request, form, status=422)
    return _account(request, TokenForm(user=request.user), token=token, plain=plain)


@require_POST
def revoke_token(request: SiteRequest, token_id: int) -> HttpResponse:
    try:
        access.revoke_token(token_id, by=request.user)
    except errors.RequestRefused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "The token was revoked. Nothing can use it any more.")
    return redirect("account")


def _account(request: SiteRequest, form: TokenForm, *, status: int = 200, **shown: Any) -> HttpResponse:
    tokens = ApiToken.objects.filter(user=request.user, revoked_at=None)
    context = {"form": form, "tokens": tokens, "role": access.role(request.user)} | shown
    return render(request, "jobs/account.html", context, status=status)

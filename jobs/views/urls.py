"""The addresses of the screens. A fragment that is polled stands at its page's address plus `live`."""

from django.urls import path

from jobs.views import account, actions, backends, document, documents, files, pages, readings, review, uploads

urlpatterns = [
    path("", documents.home, name="home"),
    path("sign-in", account.SignIn.as_view(), name="sign-in"),
    path("sign-out", account.SignOut.as_view(), name="sign-out"),
    path("account/", account.account, name="account"),
    path("account/tokens", account.create_token, name="create-token"),
    path("account/tokens/<int:token_id>/revoke", account.revoke_token, name="revoke-token"),
    path("account/password", account.ChangePassword.as_view(), name="change-password"),
    path("documents/", documents.documents, name="documents"),
    path("documents/live", documents.documents_live, name="documents-live"),
    path("documents/actions", actions.act, name="act"),
    path("documents/sample", uploads.sample, name="sample"),
    path("upload", uploads.upload, name="upload"),
    path("documents/<uuid:document_id>/", document.document, name="document"),
    path("documents/<uuid:document_id>/live", document.document_live, name="document-live"),
    path("documents/<uuid:document_id>/card/<int:number>", document.page_card, name="page-card"),
    path("documents/<uuid:document_id>/download", files.download, name="download"),
    path("documents/<uuid:document_id>/original", files.original, name="original"),
    path("documents/<uuid:document_id>/pages/<int:number>/", pages.page, name="document-page"),
    path("documents/<uuid:document_id>/pages/<int:number>/live", pages.page_live, name="document-page-live"),
    path("documents/<uuid:document_id>/pages/<int:number>/image", files.page_image, name="page-image"),
    path("documents/<uuid:document_id>/pages/<int:number>/thumb", files.page_thumb, name="page-thumb"),
    path("documents/<uuid:document_id>/pages/<int:number>/text", readings.save_text, name="save-text"),
    path("documents/<uuid:document_id>/pages/<int:number>/approve", readings.approve, name="approve-page"),
    path(
        "documents/<uuid:document_id>/pages/<int:number>/accept",
        readings.choose,
        {"what": "accept"},
        name="accept-reading",
    ),
    path(
        "documents/<uuid:document_id>/pages/<int:number>/discard",
        readings.choose,
        {"what": "discard"},
        name="discard-reading",
    ),
    path(
        "documents/<uuid:document_id>/pages/<int:number>/restore",
        readings.choose,
        {"what": "restore"},
        name="restore-reading",
    ),
    path("documents/<uuid:document_id>/pages/go", pages.go_to, name="go-to-page"),
    path("documents/<uuid:document_id>/rerun", readings.rerun, name="rerun"),
    path("documents/<uuid:document_id>/accept-all", readings.accept_all, name="accept-all"),
    path("review/", review.review, name="review"),
    path("backends/", backends.backends, name="backends"),
    path("backends/live", backends.backends_live, name="backends-live"),
]

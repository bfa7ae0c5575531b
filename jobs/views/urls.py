"""The addresses of the screens. A fragment that is polled stands at its page's address plus `live`."""

from django.urls import path

from jobs.views import account, actions, backends, document, documents, files, pages, uploads

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
    path("documents/export", files.download_many, name="download-many"),
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
    path("backends/", backends.backends, name="backends"),
    path("backends/live", backends.backends_live, name="backends-live"),
]

"""Where everything that speaks HTTP is."""

from django.urls import include, path

urlpatterns = [path("api/v1/", include("payerwatch.web.api.urls"))]

handler400 = "payerwatch.web.problems.not_understood"
handler404 = "payerwatch.web.problems.nothing_here"
handler500 = "payerwatch.web.problems.server_failed"

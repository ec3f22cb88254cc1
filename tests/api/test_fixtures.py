"""The crawl's fixtures keep up with the API: what they do not know of fails."""

from typing import Any, ClassVar

import pytest
from django.test import override_settings
from django.urls import path
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request as Asked
from rest_framework.response import Response

from payerwatch.members.roles import Permission
from payerwatch.web.api.resource import Listed, Resource, Shown
from payerwatch.web.api.settings import Settings, SettingsBody
from payerwatch.web.api.uploads import UploadFilter, Uploads
from payerwatch.web.api.urls import listed
from tests.api.crawl import Crawl
from tests.api.fixtures import missing_fixtures
from tests.api.leaky import as_urlconf, with_views
from tests.api.routes import NotAResource, endpoints
from tests.api.world import World


class Appeals(Listed, Shown, Resource):
    """A resource that came later."""

    thing = "appeal"
    may = {"list": Permission.READ_CLAIMS}

    def create(self, request: Asked) -> Response:
        raise NotImplementedError


class FilterOfEveryName(UploadFilter):
    claim = filters.CharFilter()


class UploadsByClaim(Uploads):
    stands_for = "Uploads"
    filterset_class = FilterOfEveryName


class SettingsOf(SettingsBody):
    customer = serializers.CharField(required=False)


class SettingsOfAnyone(Settings):
    stands_for = "Settings"
    takes: ClassVar = {"change": SettingsOf}


def test_a_new_route_without_a_maker_is_found():
    made = as_urlconf([listed("appeals/<str:public_id>/", Appeals, get="retrieve")])
    assert missing_fixtures(endpoints(made)) == [
        "GET appeals/<public_id>/: no maker of 'appeal'",
        "HEAD appeals/<public_id>/: no maker of 'appeal'",
    ]


def test_a_new_method_without_a_body_is_found():
    made = as_urlconf([listed("appeals/", Appeals, get="list", post="create")])
    assert missing_fixtures(endpoints(made)) == ["POST appeals/: no body"]


def test_an_address_with_another_parameter_is_found():
    made = as_urlconf([listed("uploads/<str:public_id>/claims/<str:claim_id>/", Uploads, get="retrieve")])
    assert missing_fixtures(endpoints(made))[0].endswith("its address has parameters ['public_id', 'claim_id']")


def test_a_new_filter_without_a_value_is_found():
    made = with_views(UploadsByClaim)
    assert missing_fixtures(endpoints(made)) == ["GET uploads/: no value for the filter 'claim'"]


def test_a_view_that_is_no_resource_is_found():
    def plain(_request: Any) -> None:
        raise NotImplementedError

    with pytest.raises(NotAResource):
        endpoints(as_urlconf([path("plain/", plain)]))


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_new_field_of_a_body_without_a_fixture_is_found_by_the_crawl(world: World):
    with override_settings(ROOT_URLCONF=with_views(SettingsOfAnyone)):
        crawl = Crawl(world, ["viewer", "admin"], only={"GET settings/", "PATCH settings/"})
        findings = [finding for finding in crawl.run() if finding.position.startswith("field")]
    assert [(each.endpoint, each.position) for each in findings] == [("Settings.change", "field customer")]

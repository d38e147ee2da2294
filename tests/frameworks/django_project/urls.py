"""The URLs of the project."""

from django.contrib import admin
from django.urls import path

from django_project import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("form/", views.form),
    path("upload/", views.upload),
    path("page", views.page),
    path("numbers", views.numbers),
    path("nothing", views.nothing),
    path("conditional", views.conditional),
    path("stream/", views.stream),
    path("release/", views.release),
    path("file/<str:name>", views.file),
    path("report/<str:name>", views.report),
    path("report/<str:name>/about", views.about_report),
    path("gate", views.wait_at_gate),
    path("echo/<path:rest>", views.echo),
    path("fails/", views.fails),
]

from django.urls import path

from shop import views

urlpatterns = [
    path("", views.index),
    path("orders", views.orders),
    path("healthz", views.healthz),
]

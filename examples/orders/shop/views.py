import os

from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from shop.models import Order


def index(request):
    return JsonResponse(
        {
            "service": "orders",
            "environment": os.environ.get("SLIPWAY_ENVIRONMENT", "here"),
            "release": os.environ.get("SLIPWAY_RELEASE", "none"),
            "orders": Order.objects.count(),
            "packed": Order.objects.filter(packed=True).count(),
        }
    )


@csrf_exempt
def orders(request):
    if request.method == "POST":
        order = Order.objects.create(item=request.POST.get("item", "")[:100])
        return JsonResponse({"order": order.pk}, status=201)
    return JsonResponse({"orders": list(Order.objects.values("id", "item", "packed")[:50])})


def healthz(request):
    return HttpResponse("ok")

from django.test import TestCase

from shop.models import Order


class OrdersTest(TestCase):
    def test_an_order_is_kept(self):
        answer = self.client.post("/orders", {"item": "tea"})
        self.assertEqual(answer.status_code, 201)
        self.assertEqual(Order.objects.get().item, "tea")

    def test_health(self):
        self.assertEqual(self.client.get("/healthz").content, b"ok")

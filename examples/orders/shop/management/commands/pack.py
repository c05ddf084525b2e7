"""The worker: packs open orders until it is told to stop."""

import signal
import threading

from django.core.management.base import BaseCommand

from shop.models import Order


class Command(BaseCommand):
    help = "Packs open orders"

    def handle(self, *args, **options):
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        self.stdout.write("packing")
        while not stop.wait(0.5):
            for order in Order.objects.filter(packed=False)[:100]:
                order.packed = True
                order.save()
                self.stdout.write(f"packed order {order.pk}")
        self.stdout.write("stopped")

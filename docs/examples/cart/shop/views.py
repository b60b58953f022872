"""What a visitor sees and does. Synchronous views and asynchronous ones use the same sessions."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from pydantic import ValidationError

from shop.store import logged_in

THINGS = ["hat", "cap", "scarf"]


def index(request):
    """The shop, and the visitor's cart."""
    cart = request.session.get("cart", [])
    name = request.session.get("name")
    return render(request, "index.html", {"things": THINGS, "cart": cart, "name": name})


@require_POST
def log_in(request):
    """Log in, or sign up. The cart comes along, under a new key of the session."""
    try:
        customer = logged_in(request.POST["name"], request.POST["password"])
    except ValidationError:
        return HttpResponse("That is no name.", status=422)
    if customer is None:
        return HttpResponse("Another password, please.", status=403)
    request.session.cycle_key()
    request.session["name"] = customer.name
    return redirect("index")


@require_POST
def log_out(request):
    """Log out: session and cart are gone."""
    request.session.flush()
    return redirect("index")


@require_POST
async def put(request):
    """Put a thing into the cart."""
    if request.POST.get("thing") not in THINGS:
        return HttpResponse("There is no such thing.", status=422)
    cart = await request.session.aget("cart", [])
    await request.session.aset("cart", [*cart, request.POST["thing"]])
    return redirect("index")

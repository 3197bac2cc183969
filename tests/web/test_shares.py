"""One client, whatever it opens, guesses or claims, does not keep out the others."""

import base64
import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

from tests.web.serving import Client, running
from unblur.errors import BadValue, Full, TooMany
from unblur.runtime import ONE_THREAD
from unblur.web.connections import Connections
from unblur.web.passwords import Tries, client_key
from unblur.web.rendering import Turns
from unblur.web.settings import Limits, Settings
from unblur.web.store import Store
from unblur.web.streams import Streams

PASSWORD = "correct horse"


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


# Passwords.


@pytest.fixture(scope="module")
def guarded():
    """A server with a password, behind a proxy at 127.0.0.9."""
    settings = Settings(password=PASSWORD, trusted_proxies=("127.0.0.9",))
    with running(settings) as (port, _):
        yield port


def status(port, password, source="127.0.0.1", headers=None):
    """Return (status, seconds) of a request with a password, from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, source_address=(source, 0))
    begun = time.monotonic()
    connection.request("GET", "/", headers=basic(password) | (headers or {}))
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, time.monotonic() - begun


def test_the_right_password_always_gets_in(guarded, monkeypatch):
    monkeypatch.setattr("unblur.web.passwords._LONGEST_SECONDS", 0.5)  # reached by the fifth
    tried = [status(guarded, f"guess {n}", "127.0.0.2") for n in range(12)]
    assert {code for code, _ in tried} == {401}
    # From the same address, after a while; from another one, at once.
    code, seconds = status(guarded, PASSWORD, "127.0.0.2")
    assert code == 200 and 0.5 <= seconds < 4
    code, seconds = status(guarded, PASSWORD, "127.0.0.3")
    assert code == 200 and seconds < 2


def test_guessing_gets_slower(guarded):
    seconds = [status(guarded, f"guess {n}", "127.0.0.4")[1] for n in range(7)]
    assert (
        max(seconds[:3]) < 1
        and seconds[3] >= 0.25
        and seconds[4] >= 0.5
        and seconds[5] >= 1
        and seconds[6] >= 2
    )


def test_a_right_guess_takes_as_long_as_a_wrong_one():
    tries = Tries()
    waits = [tries.seconds("a", right=False) for _ in range(12)]
    assert waits[:3] == [0, 0, 0] and waits == sorted(waits) and waits[-1] == 4
    assert tries.seconds("a", right=True) == 4
    assert tries.seconds("a", right=True) == 0
    assert tries.seconds("b", right=False) == 0


def test_many_addresses_do_not_wipe_the_slate(monkeypatch):
    monkeypatch.setattr("unblur.web.passwords._ADDRESSES", 10)
    tries = Tries()
    for n in range(50):
        tries.seconds("guesser", right=False)
        tries.seconds(f"other {n}", right=False)
    assert tries.seconds("guesser", right=False) == 4


def test_a_page_that_is_in_is_not_slowed_down_by_a_guesser(guarded):
    def ask(headers):
        source = ("127.0.0.5", 0)
        connection = http.client.HTTPConnection("127.0.0.1", guarded, source_address=source)
        with contextlib.closing(connection):
            connection.request("GET", "/api/session", headers=basic(PASSWORD) | headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    token = ask({})[1]["token"]
    for n in range(7):
        status(guarded, f"guess {n}", "127.0.0.5")
    begun = time.monotonic()
    assert ask({"X-Unblur-Token": token})[0] == 200
    assert time.monotonic() - begun < 1.5  # and not the 2 s of the others


def test_only_a_trusted_proxy_tells_addresses(guarded):
    """Behind it each client has its own delay; nobody else can take on another's address."""
    victim = {"X-Forwarded-For": "10.9.9.9, 192.0.2.1"}
    for n in range(6):
        status(guarded, f"guess {n}", "127.0.0.9", victim)
    assert status(guarded, "wrong", "127.0.0.9", victim)[1] >= 2
    for address in ("192.0.2.2", "10.9.9.9"):
        assert status(guarded, "wrong", "127.0.0.9", {"X-Forwarded-For": address})[1] < 1.5
    # A client that is no proxy guesses under ever other names, and pays as itself.
    for n in range(5):
        forged = {"X-Forwarded-For": f"192.0.2.{n + 10}"}
        seconds = status(guarded, f"guess {n}", "127.0.0.6", forged)[1]
    assert seconds >= 0.5


@pytest.mark.parametrize("proxy", ["", "*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33"])
def test_whom_not_to_trust(proxy):
    with pytest.raises(BadValue, match=r"prox|trusts"):
        Settings(trusted_proxies=(proxy,))


def test_clients():
    assert client_key("2001:db8:1:2:3::4") == client_key("2001:db8:1:2:ffff::")
    assert client_key("2001:db8:1:2::1") != client_key("2001:db8:1:3::1")
    assert client_key("::ffff:192.0.2.1") == "192.0.2.1"
    assert len(client_key("x" * 1000)) == 64
    settings = Settings(trusted_proxies=("10.0.0.0/24", "fd00::1"))
    assert settings.is_proxy("10.0.0.7") and settings.is_proxy("fd00::1")
    assert not any(map(settings.is_proxy, ["10.0.1.7", "fd00::2", "", "x"]))


# Connections and streams.


@pytest.fixture(scope="module")
def shared():
    """A server with few places."""
    limits = Limits(
        connections=60, connections_address=20, streams=12, streams_session=3, streams_address=8
    )
    with running(Settings(runtime=ONE_THREAD, limits=limits)) as (port, hub):
        yield port, hub


def silent(port, count, source="127.0.0.1"):
    sockets = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            address = ("127.0.0.1", port)
            sockets.append(socket.create_connection(address, 5, source_address=(source, 0)))
    return sockets


def closed(sockets):
    """How many of them the server has closed."""
    count = 0
    for one in sockets:
        one.setblocking(False)
        try:
            count += one.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            count += 1
    return count


def test_silent_sockets_keep_nobody_out(shared):
    with contextlib.ExitStack() as stack:
        sockets = silent(shared[0], 200)
        for one in sockets:
            stack.callback(one.close)
        begun = time.monotonic()
        assert Client(shared[0]).ask("GET", "/api/session")[0] == 200
        assert time.monotonic() - begun < 3
        assert closed(sockets) >= 180


def test_silent_sockets_of_many_addresses_keep_nobody_out(shared):
    with contextlib.ExitStack() as stack:
        sockets = [s for n in range(10, 20) for s in silent(shared[0], 20, f"127.0.0.{n}")]
        for one in sockets:
            stack.callback(one.close)
        assert Client(shared[0]).ask("GET", "/api/session")[0] == 200
        assert closed(sockets) >= 140


def stream(port, token, source="127.0.0.1"):
    """Open an event stream and return (socket, the first line of the answer)."""
    one = socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0))
    head = f"GET /api/events HTTP/1.1\r\nHost: localhost\r\nX-Unblur-Token: {token}\r\n\r\n"
    one.sendall(head.encode())
    return one, one.recv(4096).split(b"\r\n")[0]


def test_event_streams_of_a_session_and_an_address_are_bounded(shared):
    port, hub = shared
    with contextlib.ExitStack() as stack:

        def open_one(token, source="127.0.0.30"):
            one, line = stream(port, token, source)
            stack.callback(one.close)
            return int(line.split()[1])

        greedy = Client(port).begin().token
        assert [open_one(greedy) for _ in range(5)] == [200, 200, 200, 429, 429]
        # More of the same address find places, and the greediest loses some.
        assert [open_one(Client(port).begin().token) for _ in range(10)] == [200] * 10
        assert len(hub.streams) <= 8
        assert open_one(Client(port).begin().token, "127.0.0.31") == 200
    until = time.monotonic() + 20
    while len(hub.streams) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(hub.streams) == 0


def test_whose_stream_ends():
    streams = Streams(Limits(streams=6, streams_session=3, streams_address=4))
    first = [streams.open("a", "x") for _ in range(3)]
    lone = streams.open("b", "x")
    streams.open("c", "x")
    assert first[0].over and not lone.over
    with pytest.raises(TooMany):
        [streams.open("d", "y") for _ in range(4)]
    assert len(streams) == 6 and not lone.over
    streams.close(lone)
    assert len(streams) == 5


class Socket:
    def __init__(self, quiet=True):
        self.is_quiet, self.dropped = quiet, False

    def drop(self):
        self.dropped = True


def test_whose_connection_makes_room():
    ones = Connections(6, 3, lambda address: address == "proxy")
    many = [Socket() for _ in range(3)]
    assert all(ones.enter(one, "a") for one in many)
    many[0].is_quiet = False
    assert ones.enter(Socket(), "a") and not many[0].dropped and many[1].dropped
    busy = [Socket(quiet=False) for _ in range(3)]
    assert all(ones.enter(one, "b") for one in busy)
    assert not ones.enter(Socket(), "b")
    assert ones.enter(Socket(), "proxy") and many[2].dropped
    assert len(ones) == 6
    for one in busy:
        ones.leave(one, "b")
    ones.leave(busy[0], "b")
    assert len(ones) == 3


def test_requests_behind_a_proxy_are_bounded_for_each_client():
    limits = Limits(connections_address=5)
    settings = Settings(runtime=ONE_THREAD, limits=limits, trusted_proxies=("127.0.0.1",))
    with running(settings) as (port, _):
        client = Client(port).begin()
        greedy, other = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
        head = (
            f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nX-Unblur-Token: {client.token}\r\n"
            "X-Forwarded-For: 192.0.2.1\r\nContent-Length: 9\r\n\r\n"
        )
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                one.sendall(head.encode())
            until = time.monotonic() + 10
            while client.ask("GET", "/api/jobs", headers=greedy)[0] != 429:
                assert time.monotonic() < until
            assert client.ask("GET", "/api/jobs", headers=other)[0] == 200


# Files and results.


def test_one_session_does_not_fill_the_store():
    store = Store(1000, 0.5)
    try:
        store.reserve("a", 400, "greedy")
        with pytest.raises(TooMany):
            store.reserve("b", 200, "greedy")
        store.reserve("c", 500, "other")
        with pytest.raises(Full):
            store.reserve("d", 200, "third")
        store.release("a")
        store.reserve("b", 200, "greedy")
    finally:
        store.close()
    assert Settings(password=PASSWORD).session_share < Settings().session_share == 1


def test_results_are_written_in_turns():
    import asyncio

    order = []

    async def one(turns, client, number):
        async with turns.turn(client):
            order.append((client, number))
            await asyncio.sleep(0)

    async def all_of_them():
        turns = Turns(1)
        given_up = asyncio.create_task(one(turns, "greedy", -1))
        tasks = [asyncio.create_task(one(turns, "greedy", n)) for n in range(4)]
        await asyncio.sleep(0)
        given_up.cancel()
        tasks += [asyncio.create_task(one(turns, "b", n)) for n in range(2)]
        await asyncio.gather(*tasks)
        async with turns.turn("last"):
            pass

    asyncio.run(asyncio.wait_for(all_of_them(), 10))
    assert order.index(("b", 1)) < order.index(("greedy", 3))
    assert len([o for o in order if o[1] >= 0]) == 6


def test_two_clients_ask_while_a_zip_is_packed(sharp_jpeg):
    with running(Settings(runtime=ONE_THREAD)) as (port, _):
        greedy, other = Client(port).begin(), Client(port).begin()
        jobs = [c.restore(sharp_jpeg, "a.jpg") for c in (greedy, other)]
        other.take(jobs[1], "?format=png")
        query = "&".join(["job=" + jobs[0]["id"]] * 12)
        path = f"/api/zip?format=png&{query}"
        zips = [threading.Thread(target=greedy.ask, args=("GET", path)) for _ in "12"]
        for thread in zips:
            thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
        other.take(jobs[1], "?format=png")
        took = time.monotonic() - begun
        assert any(thread.is_alive() for thread in zips) and took < 5
        for thread in zips:
            thread.join()

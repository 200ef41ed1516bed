import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.serving.access import SESSION, SESSIONS, Right, Sessions, Tokens, Turns, check_tokens, is_loopback

READ, CONTROL = "r" * 32, "c" * 32


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_each_token_gives_its_right_and_nothing_else_gives_any():
    tokens = Tokens(READ, CONTROL)
    assert [tokens.right(told) for told in (READ, CONTROL, "", READ[:-1], READ + "x")] == [
        Right.READ, Right.CONTROL, Right.NOTHING, Right.NOTHING, Right.NOTHING,
    ]  # fmt: skip


def test_a_token_that_is_not_set_cannot_be_told():
    assert Tokens(READ, None).right("") is Right.NOTHING
    assert Tokens(None, CONTROL).right("") is Right.NOTHING
    assert Tokens().right("") is Right.NOTHING


@given(st.text())
def test_no_other_text_gives_a_right(told):
    assert Tokens(READ, CONTROL).right(told) is {READ: Right.READ, CONTROL: Right.CONTROL}.get(told, Right.NOTHING)


def test_tokens_are_not_shown():
    assert "rrr" not in repr(Tokens(READ, CONTROL))
    assert "ccc" not in repr(Tokens(READ, CONTROL))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]", "127.8.9.1"])
def test_this_machine_alone_needs_no_token(host):
    assert is_loopback(host)
    check_tokens(Tokens(), host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "collector.example", "localhost.example", "", "::ffff:1"]
)
def test_where_others_can_ask_a_token_is_required(host):
    with pytest.raises(InputError, match=r"NAKHON_API_TOKEN.*openssl rand -hex 32"):
        check_tokens(Tokens(), host)
    check_tokens(Tokens(READ), host)


def test_a_name_of_its_own_needs_a_token_too_for_a_proxy_may_stand_before_it():
    with pytest.raises(InputError, match=r"as collector\.example"):
        check_tokens(Tokens(), "127.0.0.1", ["collector.example"])
    check_tokens(Tokens(None, CONTROL), "127.0.0.1", ["collector.example"])


@pytest.mark.parametrize(
    ("tokens", "complaint"),
    [
        (Tokens("short"), "16 to 512 characters in NAKHON_API_TOKEN"),
        (Tokens("x" * 513), "16 to 512"),
        (Tokens(READ, "short"), "NAKHON_API_CONTROL_TOKEN"),
        (Tokens("with some blanks in it"), "without blanks"),
        (Tokens("ü" * 20), "letters, digits"),
        (Tokens(READ, READ), "two different tokens"),
    ],
)
def test_a_weak_token_is_refused_and_not_repeated(tokens, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        check_tokens(tokens, "127.0.0.1")
    assert not any(token in str(caught.value) for token in (tokens.read, tokens.control) if token)


def test_a_session_has_its_right_until_it_is_over_or_ended():
    clock = Clock()
    sessions = Sessions(clock)
    one, two = sessions.begin(Right.READ), sessions.begin(Right.CONTROL)
    assert (sessions.right(one), sessions.right(two), sessions.right("")) == (Right.READ, Right.CONTROL, Right.NOTHING)
    sessions.end(one)
    assert sessions.right(one) is Right.NOTHING
    clock.now += SESSION
    assert sessions.right(two) is Right.NOTHING


def test_sessions_are_bounded_and_the_oldest_give_way():
    sessions = Sessions()
    cookies = [sessions.begin(Right.READ) for _ in range(SESSIONS + 1)]
    assert len(set(cookies)) == len(cookies)
    assert [sessions.right(cookie) for cookie in (cookies[0], cookies[1])] == [Right.NOTHING, Right.READ]


def test_an_address_may_ask_at_once_then_at_its_rate_and_others_are_not_held_up():
    clock = Clock()
    turns = Turns(rate=2, most=4, clock=clock)
    assert [turns.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert turns.take("b") == 0
    clock.now += 0.5
    assert [turns.take("a"), turns.take("a")] == [0, 0.5]
    clock.now += 3600
    assert turns.take("a", 4) == 0
    assert turns.take("a", 4) == 2


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.floats(0, 3), st.floats(0.1, 3)), max_size=60))
def test_no_address_ever_gets_more_than_its_bucket_and_what_refilled(asked):
    clock = Clock()
    turns, granted = Turns(rate=1, most=3, clock=clock), dict.fromkeys("abcd", 0.0)
    for address, later, wanted in asked:
        clock.now += later
        granted[address] += 0 if turns.take(address, wanted) else wanted
        assert granted[address] <= 3 + (clock.now - 1000.0) + 1e-6


def test_what_is_remembered_of_addresses_is_bounded():
    turns = Turns(addresses=10)
    for number in range(100):
        turns.take(f"10.0.0.{number}")
    assert len(turns._buckets) == 10

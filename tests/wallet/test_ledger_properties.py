"""The ledger beside a model: plain numbers per lot, driven to the edges by Hypothesis."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine

from tests.wallet.books import (
    CREATOR,
    OTHER,
    PENDING,
    VIEWER,
    a_gift,
    a_sale,
    asked,
    diamonds_of,
    results,
)
from wallet import accounts
from wallet.coins import Freeze, GiveBack, Grant, TakeBack, Unfreeze, sold_lot
from wallet.errors import KeyReused
from wallet.journal import CONNECTION_CHAIN
from wallet.ledger import Command, Outcome, Refusal
from wallet.verify import verify

PEOPLE = (VIEWER, OTHER)


@dataclass
class ModelLot:
    """One purchase, in plain numbers."""

    size: int
    left: int
    spent: int = 0
    frozen: int = 0
    taken: int = 0
    owed: int = 0


@dataclass
class Model:
    """What everybody has, worked out the slow way."""

    lots: dict[str, dict[int, ModelLot]] = field(default_factory=lambda: {p: {} for p in PEOPLE})
    promo: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    diamonds: int = 0

    def coins(self, person: str) -> int:
        return self.promo[person] + sum(lot.left for lot in self.lots[person].values())

    def give(self, person: str, coins: int) -> None:
        self.diamonds += coins
        for _ in range(coins):  # one coin at a time: slow, and plainly right
            if self.promo[person]:
                self.promo[person] -= 1
                continue
            lot = next(lot for lot in self.lots[person].values() if lot.left)
            lot.left -= 1
            lot.spent += 1


class LedgerMachine(RuleBasedStateMachine):
    """Drives the real ledger in a transaction that is rolled back."""

    commands: Bundle[Command] = Bundle("commands")

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.conn = engine.connect()
        self.transaction = self.conn.begin()
        self.model = Model()
        self.first: dict[str, Outcome] = {}

    def teardown(self) -> None:
        report = verify(self.conn)
        self.transaction.rollback()
        self.conn.close()
        assert report.findings == []

    def post(self, *commands: Command) -> list[Outcome]:
        outcomes = []
        for command, outcome in zip(commands, results(self.conn, *commands), strict=True):
            assert isinstance(outcome, Outcome)
            assert not outcome.repeated
            self.first[command.key] = outcome
            outcomes.append(outcome)
        return outcomes

    @rule(target=commands, person=st.sampled_from(PEOPLE), size=st.integers(1, 6))
    def buy(self, person: str, size: int) -> Command:
        command = asked(a_sale(size, size * 1_000 + 1, person))
        (outcome,) = self.post(command)
        self.model.lots[person][sold_lot(outcome)] = ModelLot(size, left=size)
        return command

    @rule(person=st.sampled_from(PEOPLE), coins=st.integers(1, 3))
    def grant(self, person: str, coins: int) -> None:
        self.post(asked(Grant(person, coins)))
        self.model.promo[person] += coins

    @rule(target=commands, person=st.sampled_from(PEOPLE), beyond=st.sampled_from([-1, 0, 1]))
    def give(self, person: str, beyond: int) -> Command:
        """Aim at the edge: one coin under, exactly, one over what the viewer has."""
        coins = self.model.coins(person) + beyond
        if coins <= 0:
            return multiple()  # type: ignore[return-value]
        command = asked(a_gift(coins, person))
        (outcome,) = self.post(command)
        if beyond == 1:
            assert outcome.refusal == Refusal("insufficient_coins", {"short_by": 1})
        else:
            assert outcome.refusal is None
            self.model.give(person, coins)
        return command

    @rule(person=st.sampled_from(PEOPLE), parts=st.lists(st.integers(1, 4), max_size=5))
    def give_in_one_batch(self, person: str, parts: list[int]) -> None:
        outcomes = self.post(*[asked(a_gift(part, person)) for part in parts])
        for part, outcome in zip(parts, outcomes, strict=True):
            short_by = part - self.model.coins(person)
            if short_by > 0:
                assert outcome.refusal == Refusal("insufficient_coins", {"short_by": short_by})
            else:
                assert outcome.refusal is None
                self.model.give(person, part)

    @rule(command=commands)
    def retry(self, command: Command) -> None:
        (again,) = results(self.conn, command)
        first = self.first[command.key]
        assert isinstance(again, Outcome)
        assert again.repeated
        assert (again.sequence, again.answer, again.refusal) == (
            first.sequence,
            first.answer,
            first.refusal,
        )

    @rule(command=commands)
    def reuse_the_key(self, command: Command) -> None:
        (reused,) = results(self.conn, asked(a_gift(1), command.key, terms=b"other"))
        assert isinstance(reused, KeyReused)

    @rule(person=st.sampled_from(PEOPLE), which=st.integers(0, 5))
    def freeze(self, person: str, which: int) -> None:
        for lot_id, lot in self.chosen(person, which):
            self.post(asked(Freeze(lot_id)))
            lot.frozen, lot.left = lot.frozen + lot.left, 0

    @rule(person=st.sampled_from(PEOPLE), which=st.integers(0, 5))
    def unfreeze(self, person: str, which: int) -> None:
        for lot_id, lot in self.chosen(person, which):
            self.post(asked(Unfreeze(lot_id)))
            lot.left, lot.frozen = lot.left + lot.frozen, 0

    @rule(person=st.sampled_from(PEOPLE), which=st.integers(0, 5), coins=st.integers(0, 7))
    def take_back(self, person: str, which: int, coins: int) -> None:
        for lot_id, lot in self.chosen(person, which):
            self.post(asked(TakeBack(lot_id, coins, 1_000, PENDING)))
            for _ in range(min(coins, lot.size - lot.taken - lot.owed)):
                if lot.frozen:
                    lot.frozen, lot.taken = lot.frozen - 1, lot.taken + 1
                elif lot.left:
                    lot.left, lot.taken = lot.left - 1, lot.taken + 1
                else:
                    lot.owed += 1

    @rule(person=st.sampled_from(PEOPLE), which=st.integers(0, 5), coins=st.integers(0, 7))
    def give_back(self, person: str, which: int, coins: int) -> None:
        for lot_id, lot in self.chosen(person, which):
            self.post(asked(GiveBack(lot_id, coins, 1_000, PENDING)))
            for _ in range(min(coins, lot.taken + lot.owed)):
                if lot.owed:
                    lot.owed -= 1
                else:
                    lot.left, lot.taken = lot.left + 1, lot.taken - 1

    @rule()
    def restart(self) -> None:
        self.conn.info.pop(CONNECTION_CHAIN, None)

    def chosen(self, person: str, which: int) -> list[tuple[int, ModelLot]]:
        """Return one of a person's lots, or none if they have none."""
        lots = list(self.model.lots[person].items())
        return [lots[which % len(lots)]] if lots else []

    @invariant()
    def everybody_has_what_the_model_says(self) -> None:
        for person in PEOPLE:
            held = accounts.holdings(self.conn, person)
            lots = self.model.lots[person].values()
            assert held.coins == self.model.coins(person)
            assert held.promo_coins == self.model.promo[person]
            assert held.frozen_coins == sum(lot.frozen for lot in lots)
            assert held.debt_coins == sum(lot.owed for lot in lots)
        assert diamonds_of(self.conn, CREATOR) == self.model.diamonds


def test_the_ledger_agrees_with_a_plain_model_of_it(shared_engine: Engine) -> None:
    class OnThisDatabase(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(shared_engine)

    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(max_examples=40, stateful_step_count=20, deadline=None),
    )

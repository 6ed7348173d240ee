"""Play money: what each key may still reserve, and what it has used for good."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from .keys import Account


@dataclass(frozen=True, slots=True)
class Balance:
    """Credits of one account: those it may still reserve, and those it has used for good."""

    remaining: float
    used: float


def balance(db: sqlite3.Connection, account: Account, granted: float) -> Balance:
    """The account's balance, inside a transaction; a new account starts with `granted` credits, or with nothing."""
    start = 0.0 if account.penniless else granted
    db.execute("INSERT OR IGNORE INTO accounts (id, granted) VALUES (?,?)", (account.id, start))
    row = db.execute("SELECT granted, used FROM accounts WHERE id = ?", (account.id,)).fetchone()
    held = db.execute(
        "SELECT COALESCE(SUM(reserved), 0) FROM tasks WHERE account = ? AND stage != 'over'", (account.id,)
    ).fetchone()[0]
    return Balance(remaining=round(row["granted"] - row["used"] - held, 4), used=round(row["used"], 4))


def charge(db: sqlite3.Connection, account_id: str, credits_used: float) -> None:
    """Take credits for good, inside the transaction that ends the task."""
    db.execute("UPDATE accounts SET used = used + ? WHERE id = ?", (credits_used, account_id))

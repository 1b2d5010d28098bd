"""Memolist's decks and cards, as far as a job must know them."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.errors import DeckBelongsToAnother, DeckNotFound
from shared.models import Card, Deck


async def check_owner(session: AsyncSession, deck_id: str, user_id: str, is_kept: bool = True) -> None:
    """Raises `DeckNotFound` or `DeckBelongsToAnother`. Where it `is_kept`, the deck stays as it is until the transaction ends.

    Where Prisma made foreign keys it must not go in between; and of two jobs that come at once the one that is numbered first
    must be queued first, or it would find itself superseded.
    """
    deck = select(Deck.user_id).where(Deck.id == deck_id)
    owner = (await session.execute(deck.with_for_update(key_share=True) if is_kept else deck)).one_or_none()
    if owner is None:
        raise DeckNotFound
    if owner.user_id != user_id:
        raise DeckBelongsToAnother


async def cards_of_deck(session: AsyncSession, deck_id: str, card_ids: Collection[str]) -> set[str]:
    """Those of the cards that exist and belong to the deck."""
    wanted = func.any(list(card_ids))
    return set(await session.scalars(select(Card.id).where(Card.deck_id == deck_id, Card.id == wanted)))


async def cards_of_others(session: AsyncSession, user_id: str, card_ids: Collection[str]) -> set[str]:
    """Those of the cards that are in a deck of another user: cards move, while a job waits or before it is tried again."""
    if not card_ids:
        return set()
    in_decks = select(Card.id).join(Deck, Deck.id == Card.deck_id)
    return set(await session.scalars(in_decks.where(Card.id == func.any(list(card_ids)), Deck.user_id != user_id)))

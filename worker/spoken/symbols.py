"""How a symbol is said, and where it may stay unsaid."""

import unicodedata

from shared.clips import Side
from worker.spoken.tables import Table, table

# Always said: without it the words are others.
SAID: dict[Side, Table] = {
    "en": table("""
        & : and | n | ampersand
        % : percent | percents
        ‰ : per mille | per thousand
        @ : at
        € : euros | euro
        $ : dollars | dollar
        £ : pounds | pound
        ¥ : yen
        ¢ : cents | cent
        ∞ : infinity
        π : pi
        """),
    "fr": table("""
        & : et | esperluette | and
        % : pour cent
        ‰ : pour mille
        @ : arobase | at | arrobase | chez
        € : euros | euro
        $ : dollars | dollar
        £ : livres | livre | livres sterling
        ¥ : yens | yen
        ¢ : cents | cent | centimes
        ∞ : infini | l'infini
        π : pi
        """),
}
# Said between numbers; elsewhere they may be drawings.
RECKONING: dict[Side, Table] = {
    "en": table("""
        + : plus | and
        - : minus | to | dash | take away | hyphen
        – : to | minus | dash | through
        − : minus | negative
        = : equals | is | makes | equal | is equal to | are
        ≠ : is not equal to | does not equal
        × : times | multiplied by | by | x
        * : times | multiplied by | star | asterisk
        ÷ : divided by
        / : over | divided by | slash | out of | by
        < : is less than | less than
        > : is greater than | greater than | is more than
        ≈ : is about | approximately | is approximately equal to | about
        ^ : to the power of | to the
        ^2 : squared | square
        ^3 : cubed | cube
        ± : plus or minus
        ~ : about | approximately | around
        : : to
        """),
    "fr": table("""
        + : plus | et
        - : moins | à | tiret
        – : à | moins | tiret
        − : moins
        = : égale | égal | égalent | font | fait | est égal à | ça fait | donne
        ≠ : différent de | n'est pas égal à | est différent de
        × : fois | multiplié par | par | x
        * : fois | multiplié par | étoile | astérisque
        ÷ : divisé par
        / : sur | divisé par | barre | slash | par
        < : inférieur à | est inférieur à | plus petit que
        > : supérieur à | est supérieur à | plus grand que
        ≈ : environ | est à peu près égal à | environ égal à
        ^ : puissance | exposant
        ^2 : au carré | carré
        ^3 : au cube | cube
        ± : plus ou moins
        ~ : environ
        : : à | sur
        """),
}
# A dash from one to another may be said or not.
RANGE: Table = {
    "en": ("to", "through", "until", "till", "dash"),
    "fr": ("à", "au", "jusqu'à", "tiret"),
}
# May be said or not, wherever they stand.
MAY_BE_SAID: dict[Side, Table] = {
    "en": table("""
        _ : blank | underscore | dash | gap
        ... : blank | dot dot dot
        / : or | slash | and | forward slash
        # : hashtag | hash | number | sharp | pound
        + : plus | and
        = : equals | is | means | equal
        → : arrow | to | right arrow | becomes
        ↔ : arrow | versus
        < : less than
        > : greater than
        * : star | asterisk
        | : or
        ~ : tilde | about
        ^ : caret
        § : section
        ° : degrees | degree
        _. : dot | point
        _: : colon
        _, : comma | point
        × : times | by | x
        """),
    "fr": table("""
        _ : blanc | tiret | tiret bas | trou | espace | vide | underscore
        ... : trois petits points | trois points | points de suspension | blanc
        / : ou | slash | barre | barre oblique | et
        # : hashtag | dièse | numéro | mot dièse | mot-dièse
        + : plus | et
        = : égale | égal | est égal à | signifie
        → : flèche | devient
        ↔ : flèche
        < : inférieur à
        > : supérieur à
        * : étoile | astérisque
        | : ou
        ~ : tilde | environ
        ^ : accent circonflexe
        § : paragraphe
        ° : degrés | degré
        _. : point
        _: : deux points
        _, : virgule
        × : fois | par | x
        """),
}
# Said only where a card holds nothing else.
_ALONE: dict[Side, Table] = {
    "en": table("""
        ? : question mark
        ! : exclamation mark | exclamation point
        . : period | full stop | dot | point
        , : comma
        ; : semicolon
        : : colon
        ... : ellipsis | dot dot dot
        - : hyphen | dash | minus | minus sign
        – : dash | en dash
        − : minus | minus sign
        ' : apostrophe | single quote
        " : quotation mark | quotation marks | quote | double quote
        ( : open parenthesis | left parenthesis | parenthesis | opening bracket | bracket
        ) : close parenthesis | right parenthesis | parenthesis | closing bracket | bracket
        [ : open bracket | left bracket | square bracket
        ] : close bracket | right bracket | square bracket
        / : slash | forward slash
        \\ : backslash
        & : ampersand | and sign
        % : percent sign
        @ : at sign
        € : euro sign
        $ : dollar sign
        £ : pound sign
        + : plus sign
        = : equals sign | equal sign
        < : less than sign
        > : greater than sign
        # : hash sign | pound sign | number sign
        """),
    "fr": table("""
        ? : point d'interrogation
        ! : point d'exclamation
        . : point
        , : virgule
        ; : point-virgule
        : : deux points
        ... : points de suspension | trois petits points
        - : tiret | trait d'union | moins | signe moins
        – : tiret
        − : moins | signe moins
        ' : apostrophe
        " : guillemets | guillemet
        « : guillemets | guillemet
        » : guillemets | guillemet
        ( : parenthèse | parenthèse ouvrante
        ) : parenthèse | parenthèse fermante | parenthèses
        [ : crochet | crochet ouvrant
        ] : crochet | crochet fermant
        / : barre oblique | slash
        \\ : antislash | barre oblique inverse
        & : esperluette | et commercial
        % : pour cent
        € : euro
        $ : dollar
        + : plus | signe plus
        = : égal | signe égal
        < : inférieur
        > : supérieur
        # : dièse
        """),
}


def names_alone(symbol: str, side: Side) -> tuple[str, ...]:
    """What a symbol may be called on a card without a word or number; it may stay unsaid too."""
    tables = (_ALONE, SAID, RECKONING, MAY_BE_SAID)
    known = [name for table in tables for name in table[side].get(symbol, ())]
    return "", unicodedata.name(symbol[0], ""), *known

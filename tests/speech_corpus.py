"""Texts as they stand on flashcards, English and French: what the audio gate must not refuse when they are really spoken."""

import string

_ENGLISH = r"""
I|OK|no|eye|tree|through|thought|queue|rhythm|strengths|knowledge|Wednesday|hippopotamus|antidisestablishmentarianism
the end|a cup of tea|snow-covered|mother-in-law|ice cream|well-being|o'clock|rock 'n' roll|naïve|café|résumé|Brontë
7|12|42|101|777|1984|2026|1,000,000|1,234,567|3.14|-5|½|1/3|50%|$5.99|€5.99|£1,999.99|10:30|10:45 p.m.|3rd|the 21st of May
555-0199|+44 20 7946 0958|12/05/2026|Chapter XIV|MDCCCLXXXVIII|x² + y² = z²|2 + 2 = 4|H2O|CO₂|5 km|20 °C|6 ft 2 in
NASA|WWW|FBI|USB-C|PhD|TV|e.g.|i.e.|etc.|vs.|Dr. Smith|Mr. and Mrs. O'Neil|St. John's|a.m.|Ltd.|No. 5|U.S.A.
to be, or not to be|to give up|(to) give up|to look forward to sth.|sb's turn|the/a|and/or|he/she|C++|AC/DC|R&B|#1
user@example.com|https://example.com/a?b=c|I ___ to school every day.|She ______ (go) home.|one... two... three|Wait — what?
Hi!|Good morning!|How are you?|See you later.|I don't know.|What time is it?|Could you repeat that, please?|Shh...|Hmm.
Nooooooo!|Ha ha ha!|Ah!|Oh, really?|… well …|Yes; no; maybe.|"Quoted," he said.|🎉 Party|I ❤️ you|Fine :-)|I love 寿司
Where is the train station?|Two coffees and a glass of water, please.|My brother has lived abroad since he was nineteen.
The shop on the corner closes at half past five.|She said that she would have come if she had known.|It never rains but it pours.
Don't count your chickens before they hatch.|Neither of the answers was right, was it?|Fresh fish. Fresh bread. Fresh fruit.
First line\nSecond line|Title\n\nThe first paragraph.\n\nThe second.|apples, pears, plums, cherries, figs|red / green / blue
Hello. My name is Ann. I am a nurse. I work at night. And you? What do you do?|Stop! Look! Listen!|No. No, no, no.
Although the ferry was late again, nobody on the quay seemed to mind, because the sun was out and somebody had brought a guitar.
By the time the firemen arrived, the neighbours had already carried the piano, both armchairs and the old parrot into the garden.
"""

_FRENCH = r"""
y|à|où|eau|Oui|non|œuf|œil|août|haut|hauts|temps|beaucoup|heureusement|grenouille|oiseaux|écureuil|anticonstitutionnellement
l'eau|d'accord|aujourd'hui|(se) lever|s'en aller|arc-en-ciel|rendez-vous|quelqu'un|presqu'île|Noël|maïs|garçon|île|être
7|16|70|80|99|101|777|1984|1998|1 234 567|3,14|-5|½|2/3|50 %|5,99 €|€5.99|1 999,99 €|10h30|22 h 45|1er|2e|le 21 mai
01 23 45 67 89|12/05/2026|Louis XIV|le XXIe siècle|x² + y² = z²|2 + 2 = 4|H2O|5 km|20 °C|90 km/h|n° 5|§ 3
SNCF|TGV|RATP|ONU|TVA|p. ex.|etc.|M. et Mme Dupont|Dr Martin|St-Malo|c.-à-d.|av. J.-C.|env.|RDV|S.A.R.L.|CQFD
être ou ne pas être|un verre d'eau|le/la|il/elle|et/ou|ami(e)|beau, belle|grand·e|qqch.|avoir besoin de qqn|un(e) élève
prenom@exemple.fr|https://exemple.fr/a?b=c|Je ___ à l'école.|Elle ______ (aller) au marché.|un... deux... trois|Attends — quoi ?
Salut|Bonjour !|Comment ça va ?|À bientôt.|Je ne sais pas.|Quelle heure est-il ?|Qu'est-ce que c'est ?|Chut…|Euh…|Aïe !
Nooooon !|Ha ha ha !|Ah bon ?|… eh bien …|Oui ; non ; peut-être.|« Cité », dit-il.|🎉 Fête|Je t'❤️|J'aime les 寿司
Où est la gare ?|Deux cafés et un verre d'eau, s'il vous plaît.|Mon frère vit à l'étranger depuis ses dix-neuf ans.
La boutique du coin ferme à cinq heures et demie.|Ils étaient beaux.|Ils parlaient trop haut.|les eaux hautes|Tous les os
Elle a dit qu'elle serait venue si elle l'avait su.|Il pleut des cordes.|Ce sont eux qui ont eu peur.|Où ont-ils eu ça ?
Il ne faut pas vendre la peau de l'ours avant de l'avoir tué.|Poisson frais. Pain frais. Fruits frais.|Les poules couvent.
Première ligne\nDeuxième ligne|Titre\n\nLe premier paragraphe.\n\nLe second.|pommes, poires, prunes, cerises|rouge / vert / bleu
Bonjour. Je m'appelle Anne. Je suis infirmière. Je travaille la nuit. Et vous ?|Arrête ! Regarde ! Écoute !|Non. Non, non, non.
Bien que le bac fût encore en retard, personne sur le quai ne s'en plaignait, car il faisait beau et quelqu'un jouait de la guitare.
Quand les pompiers sont arrivés, les voisins avaient déjà porté le piano, deux fauteuils et le vieux perroquet dans le jardin.
"""


def _texts(listed: str) -> list[str]:
    listed = listed.strip().replace("\n", "|").replace("\\n", "\n")
    return [*string.ascii_lowercase, *string.ascii_uppercase, *string.digits, *listed.split("|")]


# A text once, in the order in which it stands.
CORPUS = {"en": list(dict.fromkeys(_texts(_ENGLISH))), "fr": list(dict.fromkeys(_texts(_FRENCH)))}

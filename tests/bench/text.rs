//! Posts as people of a trade might write them, in French, put together from word lists of our own by a small grammar: the
//! same ones in every run, no two alike. The sense is thin, but letters, words and their lengths are those of French, and
//! zstd makes of them about what it makes of real posts (`catchup` prints how much).

/// Bytes of a post's text, as the goals say.
pub const TEXT_BYTES: usize = 300;

// Left as they are: one word a line would make the file ten times as long.

#[rustfmt::skip]
const MASC: &[&str] = &[
    "plan", "mur", "toit", "chantier", "devis", "contrat", "planning", "camion", "portail", "badge", "casque",
    "béton", "carrelage", "tuyau", "radiateur", "moteur", "compteur", "câble", "disjoncteur", "vérin", "boulon",
    "tiroir", "classeur", "courrier", "dossier", "colis", "tableau", "parquet", "plafond", "escalier", "couloir",
    "hangar", "quai", "bassin", "pont", "talus", "fossé", "sentier", "jardin", "préau", "gymnase", "lycée", "théâtre",
    "musée", "marché", "budget", "bilan", "compte", "acompte", "avoir", "bordereau", "formulaire", "règlement",
    "avis", "arrêté", "décret", "permis", "procès", "sondage", "relevé", "croquis", "schéma", "modèle", "gabarit",
    "prototype", "échantillon", "catalogue", "nuancier", "vernis", "enduit", "mortier", "gravier", "sable", "bitume",
    "goudron", "feutre", "isolant", "joint", "mastic", "ruban", "crochet", "treuil", "palan", "chariot", "tracteur",
    "godet", "marteau", "niveau", "compas", "mètre", "laser", "écran", "clavier", "serveur", "réseau", "logiciel",
    "fichier", "mot", "message", "appel", "rendez-vous", "comité", "groupe", "collègue", "voisin", "client",
    "notaire", "maire", "préfet", "juge", "expert", "géomètre", "peintre", "maçon", "soudeur", "grutier", "livreur",
    "gardien", "stagiaire", "cuisinier", "médecin", "facteur", "printemps", "hiver", "orage", "brouillard", "givre",
    "soleil", "retard", "écart", "défaut", "litige", "accord", "refus", "départ", "retour", "essai", "contrôle",
    "incident", "accident", "secours", "exercice", "stage", "atelier", "cahier", "journal", "rapport", "résumé",
];

#[rustfmt::skip]
const FEM: &[&str] = &[
    "dalle", "façade", "toiture", "charpente", "poutre", "colonne", "cloison", "fenêtre", "porte", "serrure", "clé",
    "poignée", "vitre", "gouttière", "cheminée", "chaudière", "pompe", "vanne", "bride", "soudure", "gaine", "prise",
    "lampe", "ampoule", "batterie", "turbine", "grue", "nacelle", "benne", "palette", "caisse", "étiquette",
    "facture", "caution", "retenue", "pénalité", "prime", "assurance", "garantie", "expertise", "réserve", "visite",
    "réunion", "séance", "commission", "équipe", "mairie", "préfecture", "agence", "banque", "usine", "halle", "cour",
    "ruelle", "avenue", "place", "rive", "écluse", "digue", "jetée", "passerelle", "clôture", "haie", "pelouse",
    "terrasse", "pergola", "verrière", "maquette", "notice", "fiche", "liste", "courbe", "mesure", "moyenne", "marge",
    "remise", "hausse", "baisse", "demande", "réponse", "question", "remarque", "plainte", "promesse", "décision",
    "consigne", "norme", "méthode", "règle", "grille", "feuille", "page", "lettre", "enveloppe", "photo", "vidéo",
    "caméra", "sonde", "alarme", "sirène", "échelle", "corde", "bâche", "colle", "vis", "cheville", "lame", "scie",
    "perceuse", "ponceuse", "meule", "brosse", "éponge", "poussière", "fissure", "fuite", "tache", "rouille",
    "humidité", "chaleur", "pluie", "neige", "tempête", "marée", "saison", "semaine", "matinée", "soirée", "nuit",
    "pause", "reprise", "livraison", "commande", "recette", "formation", "embauche", "retraite", "cantine", "crèche",
    "école", "bibliothèque", "piscine", "salle", "chambre", "cuisine", "cave", "trappe", "rampe", "marche", "tuile",
    "brique", "pierre", "ardoise", "moquette", "peinture", "couche", "teinte",
];

#[rustfmt::skip]
const ADJ: &[&str] = &[
    "rapide", "fragile", "large", "mince", "solide", "rouge", "jaune", "vide", "propre", "sale", "utile", "inutile",
    "double", "simple", "triple", "unique", "énorme", "minuscule", "moderne", "antique", "rustique", "souple",
    "rigide", "étanche", "fiable", "coupable", "responsable", "disponible", "introuvable", "visible", "invisible",
    "pénible", "facile", "difficile", "possible", "impossible", "probable", "véritable", "remarquable", "médiocre",
    "conforme", "bizarre", "étrange", "célèbre", "austère", "sobre", "calme", "tiède", "humide", "acide", "toxique",
    "inerte", "mobile", "fixe", "stable", "instable", "sensible", "précoce", "mixte", "libre", "ferme", "ordinaire",
    "provisoire", "obligatoire", "nécessaire", "sanitaire", "bancaire", "solaire", "linéaire", "circulaire",
    "horaire", "imaginaire", "volontaire", "sonore", "électrique", "mécanique", "hydraulique", "thermique",
    "acoustique", "numérique", "technique", "pratique", "logique", "magnifique", "périodique", "authentique",
];

#[rustfmt::skip]
const VERBS: &[&str] = &[
    "valide", "refuse", "attend", "reçoit", "révise", "déplace", "termine", "reprend", "contrôle", "commande",
    "cherche", "mesure", "signale", "photographie", "prépare", "facture", "oublie", "réclame", "répare", "modifie",
    "retrouve", "livre", "annule", "confirme", "compare", "démonte", "nettoie", "remplace", "vérifie", "chiffre",
    "conteste", "renvoie", "prolonge", "corrige", "perd", "étudie", "signe", "suspend", "accélère", "ferme", "ouvre",
    "décrit", "partage", "imprime", "range", "trie", "pèse", "coupe", "perce", "ponce", "colle", "visse", "soude",
    "peint", "arrose", "déneige", "évacue", "protège", "surveille", "filme", "calcule", "estime", "négocie",
    "explique", "résume", "traduit", "publie", "archive", "détruit", "récupère", "emprunte", "prête", "loue",
    "achète", "vend", "échange", "distribue", "installe", "règle", "teste", "bloque", "libère", "charge", "décharge",
    "soulève", "pose", "scelle", "coule", "décoffre", "balise",
];

#[rustfmt::skip]
const PREP: &[&str] = &[
    "avec", "sans", "pour", "contre", "vers", "sous", "sur", "derrière", "devant", "entre", "malgré", "selon",
    "pendant", "après", "avant", "dès", "depuis", "hors",
];

#[rustfmt::skip]
const ADV: &[&str] = &[
    "demain", "hier", "bientôt", "toujours", "jamais", "souvent", "parfois", "encore", "déjà", "enfin", "ailleurs",
    "partout", "ensemble", "vite", "lentement", "mal", "bien", "mieux", "presque", "surtout", "seulement",
    "justement", "finalement", "sûrement", "rarement", "aussitôt", "dehors", "dedans", "lundi", "mardi", "mercredi",
    "jeudi", "vendredi", "samedi", "aujourd'hui", "tard", "tôt", "exprès", "volontiers",
];

#[rustfmt::skip]
const JOIN: &[&str] = &[
    "mais", "car", "donc", "puis", "or", "quand", "si", "parce que", "alors que", "pendant que", "dès que",
    "tandis que", "puisque", "comme", "lorsque", "et", "sauf si", "même si", "avant que", "de sorte que",
];

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "Yasmine", "Thibault", "Solène", "Karim", "Gwenaëlle", "Bertrand", "Ludivine", "Oumar", "Maëlys", "Jean-Baptiste",
    "Nolwenn", "Aurélien", "Fatou", "Clémence", "Yann", "Sandrine", "Mehdi", "Odile", "Raphaël", "Inès", "Tanguy",
    "Véronique", "Ibrahim", "Capucine", "Erwan", "Josiane", "Kévin", "Anaïs", "Loïc", "Monique", "Sofiane",
    "Brigitte", "Gaël", "Noémie", "Fabrice", "Salomé", "Rachid", "Églantine", "Hervé", "Léonie",
];

#[rustfmt::skip]
const TOWNS: &[&str] = &[
    "Nantes", "Rennes", "Brest", "Quimper", "Vannes", "Lorient", "Cholet", "Angers", "Laval", "Saumur", "Redon",
    "Vitré", "Fougères", "Dinan", "Morlaix", "Carhaix", "Pornic", "Clisson", "Ancenis", "Rezé", "Orvault",
    "Carquefou", "Guérande", "Pontivy", "Auray", "Douarnenez", "Concarneau", "Lannion", "Guingamp", "Loudéac",
];

/// Numbers that look drawn but are the same in every run (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }

    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.next(words.len())]
    }
}

/// The text of the post with this number.
pub fn post(number: usize) -> String {
    let mut draw = Draw(number as u64 ^ 0x0a7c_51e1);
    let mut text = String::new();
    while text.len() < TEXT_BYTES {
        let sentence = sentence(&mut draw);
        text.push_str(&sentence);
        text.push(' ');
    }
    let end = (0..TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.truncate(end);
    text.truncate(text.trim_end().len());
    // As many bytes as the goals say, however the last word was cut.
    while text.len() < TEXT_BYTES {
        text.push('.');
    }
    text
}

fn sentence(draw: &mut Draw) -> String {
    let mut words = vec![clause(draw)];
    match draw.next(6) {
        0 => words.push(format!("{} {}", draw.word(JOIN), clause(draw))),
        1 => words.push(format!("{} {}", draw.word(PREP), thing(draw))),
        2 => words.push(format!("à {} : {} €", draw.word(TOWNS), draw.next(48_000) + 40)),
        3 => words.push(format!("({} {}, lot {})", draw.next(30) + 1, draw.word(FEM), draw.next(900))),
        4 => words.push(draw.word(ADV).to_owned()),
        _ => {}
    }
    let mut letters = words.join(" ");
    letters.push_str([".", ".", ".", " !", " ?", " ;"][draw.next(6)]);
    let mut rest = letters.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", rest.as_str())
}

fn clause(draw: &mut Draw) -> String {
    let who = if draw.next(3) == 0 { draw.word(NAMES).to_owned() } else { thing(draw) };
    let verb = draw.word(VERBS);
    let what = thing(draw);
    if draw.next(4) == 0 { format!("{who} {verb} {} {what}", draw.word(ADV)) } else { format!("{who} {verb} {what}") }
}

fn thing(draw: &mut Draw) -> String {
    let male = draw.next(2) == 0;
    let noun = if male { draw.word(MASC) } else { draw.word(FEM) };
    // Before a vowel only what does not elide.
    let vowel = noun.starts_with(|c: char| "aeéiouhèêâ".contains(c));
    let article = match (male, vowel) {
        (true, false) => ["le", "un", "ce", "notre", "chaque", "le", "son"][draw.next(7)],
        (false, false) => ["la", "une", "cette", "votre", "chaque", "la", "leur"][draw.next(7)],
        (true, true) => ["cet", "un", "notre", "chaque"][draw.next(4)],
        (false, true) => ["cette", "une", "votre", "chaque"][draw.next(4)],
    };
    match draw.next(4) {
        0 => format!("{article} {noun} {}", draw.word(ADJ)),
        1 => format!("{article} {noun} {} {}", ["n°", "réf.", "type", "lot"][draw.next(4)], draw.next(9_000)),
        _ => format!("{article} {noun}"),
    }
}

//! Posts as people of a trade write them, in French, made from word lists of our own: the same ones in every run, no two
//! alike. Real text would be better; this is squeezed by zstd about as well (`catchup` prints how well).

/// Bytes of a post's text, as the goals say.
pub const TEXT_BYTES: usize = 300;

const SUBJECTS: &[&str] = &[
    "l'équipe de nuit",
    "le conducteur de travaux",
    "la cheffe de projet",
    "notre bureau d'études",
    "le fournisseur",
    "l'architecte",
    "le maître d'ouvrage",
    "la mairie",
    "le service achats",
    "la comptabilité",
    "l'atelier",
    "le grutier",
    "le magasinier",
    "l'apprenti",
    "la responsable qualité",
    "le client",
    "l'agence de Rennes",
    "le dépôt de Saint-Herblain",
    "le syndic",
    "la préfecture",
    "le coordinateur sécurité",
    "l'électricien",
    "le plombier",
    "la menuiserie",
    "le façadier",
    "le laboratoire",
    "le géomètre",
    "l'assureur",
    "la direction",
    "le comité",
    "le transporteur",
    "la stagiaire",
    "le couvreur",
    "notre sous-traitant",
    "le contrôleur technique",
    "l'hôpital",
    "le lycée Jules-Verne",
    "le voisinage",
    "la commission",
    "le groupe de travail",
    "l'usine de Cholet",
    "la société Kerbrat",
    "Mme Le Goff",
    "M. Andrieux",
    "Yasmine",
    "Thibault",
    "Solène",
    "Karim",
    "Gwenaëlle",
    "Bertrand",
    "Ludivine",
    "Oumar",
    "Maëlys",
    "Jean-Baptiste",
];

const VERBS: &[&str] = &[
    "a validé",
    "attend encore",
    "a refusé",
    "vient de recevoir",
    "propose de revoir",
    "a déplacé",
    "termine",
    "reprend",
    "doit contrôler",
    "a commandé",
    "recherche",
    "a mesuré",
    "signale un défaut sur",
    "a photographié",
    "prépare",
    "facture",
    "a oublié",
    "demande à voir",
    "a réparé",
    "souhaite modifier",
    "n'a pas retrouvé",
    "a livré",
    "annule",
    "confirme",
    "compare",
    "a fait démonter",
    "a nettoyé",
    "remplace",
    "vérifiera",
    "a chiffré",
    "conteste",
    "a renvoyé",
    "prolonge",
    "met à jour",
    "a perdu",
    "réclame",
    "étudie",
    "a signé",
    "suspend",
    "accélère",
    "a fermé",
    "ouvrira",
    "décrit",
];

const OBJECTS: &[&str] = &[
    "le plan de coffrage",
    "les garde-corps",
    "la réservation du monte-charge",
    "le devis",
    "le lot peinture",
    "les menuiseries",
    "la pompe de relevage",
    "le bon de livraison",
    "l'échafaudage",
    "la dalle du sous-sol",
    "les fiches techniques",
    "le planning",
    "la note de calcul",
    "le procès-verbal",
    "les joints de dilatation",
    "la chaudière",
    "le tableau électrique",
    "les essais de pression",
    "le rapport d'audit",
    "la charpente",
    "le compte rendu",
    "l'étanchéité",
    "la toiture-terrasse",
    "les carottages",
    "le permis de construire",
    "la maquette",
    "les clés",
    "le badge d'accès",
    "la formation",
    "le contrat",
    "les gaines",
    "la ventilation",
    "le parquet",
    "l'isolant",
    "la clôture",
    "le portail",
    "les réserves",
    "la caution",
    "l'avenant numéro trois",
    "le vestiaire",
    "les palettes",
    "le nuancier",
    "la signalétique",
    "l'ascenseur",
    "le bardage",
    "la passerelle",
    "les mesures acoustiques",
    "le bilan carbone",
    "le tri des déchets",
    "la facture",
    "l'ordre de service",
];

const WHERE: &[&str] = &[
    "au troisième étage",
    "côté cour",
    "à Nantes",
    "dans la halle B",
    "sur le parking",
    "près de l'écluse",
    "au bureau",
    "à l'entrée du site",
    "rue des Carmes",
    "dans l'aile nord",
    "au rez-de-chaussée",
    "chez nous",
    "à Quimper",
    "en mairie",
    "derrière le gymnase",
    "sous la verrière",
    "dans le local technique",
    "au dépôt",
    "sur le quai",
    "à La Roche-sur-Yon",
    "dans la cage d'escalier",
    "au fond du couloir",
    "avenue Foch",
    "en salle Bretagne",
    "dans le cloud",
    "à l'étranger",
    "sur place",
    "à l'atelier",
    "place du Marché",
    "dans le bâtiment D",
    "au col de cygne",
    "à Vannes",
];

const WHEN: &[&str] = &[
    "lundi matin",
    "avant vendredi",
    "la semaine prochaine",
    "hier soir",
    "dès demain",
    "à la fin du mois",
    "ce matin",
    "vers dix heures",
    "après la pause",
    "au printemps",
    "depuis trois jours",
    "pendant les congés",
    "à midi",
    "en janvier",
    "jeudi",
    "d'ici quinze jours",
    "au plus tard le 14",
    "mardi en huit",
    "avant la pluie",
    "cette nuit",
    "en fin de journée",
    "comme prévu",
    "sans prévenir",
    "une fois de plus",
    "pour la deuxième fois",
    "en urgence",
    "avec deux jours de retard",
];

const WHY: &[&str] = &[
    "parce que le béton n'était pas sec",
    "faute de place",
    "à cause du vent",
    "pour éviter un second déplacement",
    "car la référence n'existe plus",
    "malgré l'avis du bureau de contrôle",
    "afin de tenir le budget",
    "sans surcoût",
    "en attendant la grue",
    "suite à la réunion",
    "puisque le stock est vide",
    "si la météo le permet",
    "par précaution",
    "comme l'an dernier",
    "grâce au renfort de l'autre équipe",
    "sauf contrordre",
    "à la demande du client",
    "pour respecter la nouvelle norme",
    "quoi qu'en dise le fabricant",
    "en accord avec les riverains",
    "le temps de trouver une solution durable",
    "après lecture de la notice",
    "faute de réponse",
    "par courrier recommandé",
];

const CLOSINGS: &[&str] = &[
    "Qui peut s'en charger ?",
    "Merci d'avance.",
    "Photos à suivre.",
    "On en parle demain ?",
    "Voir la pièce jointe.",
    "Je suis preneur de vos retours.",
    "Attention au verglas.",
    "Bravo à tous !",
    "Répondez-moi en privé.",
    "Dossier clos.",
    "Reste à prévenir l'accueil.",
    "Quelqu'un a-t-il déjà vu cela ?",
    "Je rappelle vers seize heures.",
    "Bonne semaine !",
    "À votre disposition.",
    "Rien d'autre à signaler.",
    "Prévoir des gants.",
    "Le double est aux archives.",
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
    let subject = draw.word(SUBJECTS);
    let mut letters = subject.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let mut sentence = format!("{first}{} {} {}", letters.as_str(), draw.word(VERBS), draw.word(OBJECTS));
    match draw.next(8) {
        0 => sentence.push_str(&format!(" {}, {}", draw.word(WHERE), draw.word(WHY))),
        1 => sentence.push_str(&format!(" {}", draw.word(WHEN))),
        2 => sentence.push_str(&format!(" ({} €) {}", draw.next(48_000) + 40, draw.word(WHY))),
        3 => sentence.push_str(&format!(" {} ; {} {}", draw.word(WHEN), draw.word(SUBJECTS), draw.word(VERBS))),
        4 => sentence.push_str(&format!(", lot {} : {} sur {}", draw.next(60), draw.next(900), draw.next(2_000))),
        5 => sentence.push_str(&format!(" {} {}", draw.word(WHERE), draw.word(WHEN))),
        6 => {
            return format!("Réf. {}-{:04x} : {sentence}. {}", draw.next(9_000), draw.next(65_536), draw.word(CLOSINGS));
        }
        _ => return format!("{sentence}. {}", draw.word(CLOSINGS)),
    }
    sentence.push('.');
    sentence
}

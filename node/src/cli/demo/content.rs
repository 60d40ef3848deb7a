//! What the people of the demonstration are called and say. Made from numbers, so that every run says the same.

const FIRST: [&str; 40] = [
    "Amina",
    "Antoine",
    "Aurélie",
    "Bastien",
    "Camille",
    "Cédric",
    "Chloé",
    "Claire",
    "Damien",
    "Delphine",
    "Élodie",
    "Émilie",
    "Éric",
    "Fatou",
    "Florian",
    "Gaëlle",
    "Guillaume",
    "Hélène",
    "Hugo",
    "Inès",
    "Jérôme",
    "Julie",
    "Karim",
    "Laurence",
    "Léa",
    "Loïc",
    "Lucie",
    "Malik",
    "Manon",
    "Mathieu",
    "Mélanie",
    "Nadia",
    "Nicolas",
    "Olivier",
    "Pauline",
    "Raphaël",
    "Samira",
    "Sébastien",
    "Thomas",
    "Yann",
];
const LAST: [&str; 40] = [
    "Aubert",
    "Barbier",
    "Benali",
    "Blanchet",
    "Bouvier",
    "Caron",
    "Chevalier",
    "Collet",
    "Da Silva",
    "Delmas",
    "Diallo",
    "Dupuis",
    "Fabre",
    "Ferrand",
    "Fontaine",
    "Garnier",
    "Girard",
    "Guérin",
    "Hamon",
    "Jacquet",
    "Kone",
    "Lacroix",
    "Leclerc",
    "Lefèvre",
    "Le Roux",
    "Marchand",
    "Mercier",
    "Moreau",
    "Nguyen",
    "Noël",
    "Perrin",
    "Poulain",
    "Renault",
    "Rivière",
    "Roussel",
    "Schmitt",
    "Tanguy",
    "Vasseur",
    "Vidal",
    "Weber",
];
const JOBS: [&str; 12] = [
    "Gardienne d'immeuble",
    "Gardien d'immeuble",
    "Chef de projet construction",
    "Conductrice de travaux",
    "Chargé de clientèle",
    "Responsable de site",
    "Technicienne chauffage",
    "Gestionnaire de charges",
    "Juriste habitat",
    "Assistante de direction",
    "Chargée de communication",
    "Contrôleur de gestion",
];
const COMPANIES: [&str; 14] = [
    "Habitat Ouest Siège",
    "Habitat Nantes",
    "Habitat Lille",
    "Habitat Lyon",
    "Logis du Littoral",
    "Résidences du Nord",
    "Foyers d'Armor",
    "Habitat Vilaine",
    "Toits de Loire",
    "Cité Jardin",
    "Habitat Rhône",
    "Logis Flandres",
    "Foyer des Alpes",
    "Habitat Services",
];
const PLACES: [&str; 16] = [
    "aux Tilleuls",
    "à la Closerie",
    "rue des Lilas",
    "au Clos des Vignes",
    "place du Marché",
    "à Bellevue",
    "quai de la Fosse",
    "aux Grands Chênes",
    "boulevard Carnot",
    "au Parc des Sources",
    "rue Pasteur",
    "à Montplaisir",
    "avenue de la Gare",
    "aux Terrasses",
    "rue du Moulin",
    "à la Résidence du Lac",
];
const WORKS: [&str; 12] = [
    "le ravalement",
    "la réfection de l'étanchéité",
    "le remplacement des portes palières",
    "la mise aux normes électriques",
    "le nettoyage des gaines",
    "l'isolation des combles",
    "la rénovation des halls",
    "le changement de la chaudière",
    "la pose des compteurs",
    "la réparation de l'ascenseur",
    "le désamiantage des sous-sols",
    "la plantation des haies",
];
const ENDINGS: [&str; 10] = [
    "Photos et points de contrôle dans le message suivant.",
    "Merci à toute l'équipe pour la réactivité.",
    "Quelqu'un a-t-il déjà eu ce cas ? Je prends tous les conseils.",
    "Réunion de chantier jeudi à 9 h, venez avec vos relevés.",
    "Le prestataire repasse lundi ; je vous tiens au courant.",
    "J'ai prévenu les locataires par affichage.",
    "La fiche est à jour, servez-vous-en comme modèle.",
    "Bilan : deux jours gagnés par rapport au planning.",
    "Attention à l'accès pompiers pendant les travaux.",
    "On garde la même méthode pour le bâtiment B.",
];
const COMMENTS: [&str; 10] = [
    "Merci, c'est très clair.",
    "Même constat chez nous le mois dernier.",
    "Tu peux partager la fiche ?",
    "Bravo à l'équipe !",
    "J'arrive jeudi, on en parle sur place.",
    "Le fournisseur a changé la référence, attention.",
    "Très utile, je la transmets aux gardiens.",
    "Chez nous, on a ajouté un contrôle avant réception.",
    "Est-ce que les locataires sont prévenus ?",
    "Parfait, je note la date.",
];
const FEEDS: [&str; 12] = [
    "Veille habitat et construction",
    "Textes officiels du logement",
    "Énergie et bâtiment",
    "Marchés publics de la région",
    "Sécurité incendie",
    "Accessibilité",
    "Presse locale",
    "Innovation et chantiers",
    "Droit des locataires",
    "Météo des chantiers",
    "Nouvelles du siège",
    "Appels à projets",
];
const SUBJECTS: [&str; 12] = [
    "Décret sur la performance énergétique",
    "Nouvelle norme d'étanchéité",
    "Calendrier des aides à la rénovation",
    "Guide de l'accueil des locataires",
    "Retour d'expérience sur les pompes à chaleur",
    "Avis de marché : espaces verts",
    "Étude sur la qualité de l'air intérieur",
    "Rappel de produit : détecteurs de fumée",
    "Concours d'architecture",
    "Formation des gardiens",
    "Barème des charges récupérables",
    "Journée portes ouvertes",
];

fn pick<'a>(of: &[&'a str], number: usize) -> &'a str {
    of[number % of.len()]
}

/// A person: name, e-mail, job with company.
pub fn person(site: &str, number: usize) -> (String, String, String) {
    let (first, last) =
        (pick(&FIRST, number * 7 + site.len()), pick(&LAST, number * 11 + number / 40 + site.len() * 3));
    let email = format!("{}.{}.{number}@{}.example", plain(first), plain(last), site.to_lowercase());
    let title = format!("{} · {}", pick(&JOBS, number * 5), pick(&COMPANIES, number));
    (format!("{first} {last}"), email, title)
}

fn plain(name: &str) -> String {
    let fold = |letter: char| match letter {
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'ï' | 'î' => 'i',
        'ô' => 'o',
        'â' | 'à' => 'a',
        'ü' | 'û' => 'u',
        'ç' => 'c',
        other => other,
    };
    name.to_lowercase().chars().map(fold).filter(char::is_ascii_alphabetic).collect()
}

/// A group: name, type, access, purpose. The first nine cover all seven types.
pub fn group(number: usize) -> (String, &'static str, &'static str, &'static str) {
    let fixed: [(&str, &str, &str, &str); 9] = [
        ("Général", "general", "open", "Ce que tout le monde doit savoir."),
        (
            "Métier · Conduite de travaux",
            "trade",
            "open",
            "S'entraider entre chefs de projet, partager ce qui marche sur les chantiers.",
        ),
        (
            "Métier · Gardiens",
            "trade",
            "open",
            "Les questions de tous les jours et les réponses de ceux qui les ont déjà eues.",
        ),
        ("Projet · Résidence Les Tilleuls", "project", "closed", "Livrer les 48 logements en mai."),
        ("Site · Nantes", "place", "open", "La vie du site."),
        ("Thème · Rénovation énergétique", "theme", "open", "Apprendre ensemble ce qui baisse vraiment les charges."),
        (
            "Produit · Offre de services aux locataires",
            "product",
            "open",
            "Ventes, production et service après-vente au même endroit.",
        ),
        ("Visibilité · On parle de nous", "visibility", "open", "Ce que nous disons dehors et ce qu'on dit de nous."),
        ("Projet · Nouvel extranet", "project", "secret", "Préparer le choix avant l'annonce."),
    ];
    if let Some((name, kind, access, purpose)) = fixed.get(number) {
        return ((*name).into(), kind, access, purpose);
    }
    let place = pick(&PLACES, number * 3 + number / 12);
    match number % 4 {
        0 => (
            format!("Projet · {} {place}", capital(pick(&WORKS, number))),
            "project",
            "closed",
            "Suivre ce chantier jusqu'à la réception.",
        ),
        1 => (
            format!("Métier · {} {number}", pick(&JOBS, number)),
            "trade",
            "open",
            "Échanger entre collègues du même métier.",
        ),
        2 => (format!("Thème · {} {number}", pick(&SUBJECTS, number)), "theme", "open", "Un sujet qui nous rassemble."),
        _ => (
            format!("Produit · {} {number}", pick(&COMPANIES, number)),
            "product",
            "open",
            "Une vue de toute l'activité.",
        ),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A post: title, maybe empty, and text.
pub fn post(number: usize) -> (String, String) {
    let (work, place) = (pick(&WORKS, number * 5 + number / 12), pick(&PLACES, number * 7 + number / 16));
    let text = match number % 5 {
        0 => format!("{} {place} est terminé. {}", capital(work), pick(&ENDINGS, number * 3)),
        1 => format!(
            "Point d'étape sur {work} {place} : nous en sommes à **{} %**. {}",
            10 + number * 7 % 90,
            pick(&ENDINGS, number)
        ),
        2 => format!(
            "Avant {work} {place}, voici ce que nous vérifions :\n\n- l'accès et le stationnement\n- les coupures annoncées\n- l'état des lieux en photos\n\n{}",
            pick(&ENDINGS, number * 2)
        ),
        3 => format!("Question : pour {work} {place}, quel délai prévoyez-vous ? {}", pick(&ENDINGS, number + 2)),
        _ => format!("Bonne nouvelle {place} : {work} commence lundi. {}", pick(&ENDINGS, number + 5)),
    };
    let title = if number.is_multiple_of(4) { format!("{} {place}", capital(work)) } else { String::new() };
    (title, text)
}

/// A comment.
pub fn comment(number: usize) -> &'static str {
    pick(&COMMENTS, number * 3 + number / 10)
}

/// The title of a feed.
pub fn feed_title(feed: usize) -> &'static str {
    pick(&FEEDS, feed)
}

/// An item of a feed: title and text.
pub fn news(feed: usize, number: usize) -> (String, String) {
    let subject = pick(&SUBJECTS, number * 5 + feed);
    let place = pick(&PLACES, number * 3 + feed * 5);
    (
        format!("{subject} ({})", number + 1),
        format!(
            "{subject} : ce qui change pour les équipes {place}. Publication n° {} de « {} ».",
            number + 1,
            feed_title(feed)
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn people_and_groups_are_told_apart_and_all_types_are_there() {
        let emails: BTreeSet<String> = (0..1_200).map(|number| super::person("Nantes", number).1).collect();
        assert_eq!(emails.len(), 1_200);
        let names: BTreeSet<String> = (0..70).map(|number| super::group(number).0).collect();
        assert_eq!(names.len(), 70);
        let kinds: BTreeSet<&str> = (0..9).map(|number| super::group(number).1).collect();
        assert_eq!(kinds.len(), 7);
        assert!(names.iter().all(|name| name.chars().count() <= protocol::limits::NAME_CHARS_MAX));
    }
}

//! What stands beside the data, in the person's language.

use crate::local::account::Language;

/// The text of `README.txt`.
pub fn text(language: Language, name: &str, at: &str) -> String {
    match language {
        Language::Fr => format!("Données de {name}\nArchipel, {at}\n\n{FRENCH}"),
        Language::En => format!("Data of {name}\nArchipel, {at}\n\n{ENGLISH}"),
    }
}

const FRENCH: &str = "\
Ce fichier contient ce que votre site garde de vous. Les .json s'ouvrent avec un éditeur de texte ; les heures sont en UTC.

profile.json      votre profil tel que les autres le voient
profiles.json     ses états encore conservés
account.json      votre compte sur ce site : adresse, langue, sessions
groups.json       les groupes dont vous êtes membre, votre rôle, depuis quand
posts.json        vos publications, avec leurs modifications
comments.json     vos commentaires, avec leurs modifications
reactions.json    vos réactions
feeds_added.json  les flux que vous avez ajoutés à des groupes
activity.json     ce que le journal de ce site a noté de vos actes (400 jours)
uploads.json      les fichiers envoyés et gardés une semaine pour être publiés
files/            vos fichiers et images

Ce que d'autres ont écrit n'y est pas : seuls y figurent les identifiants des publications auxquelles vous avez répondu.
Ce qui a été effacé pour de bon n'y est plus. Un fichier qui n'est pas sur ce site est indiqué par null.
Votre mot de passe et vos clés n'y sont pas.
";

const ENGLISH: &str = "\
This file holds what your site keeps of you. The .json files open in a text editor; times are in UTC.

profile.json      your profile as others see it
profiles.json     those of its states that are still kept
account.json      your account at this site: address, language, sessions
groups.json       the groups that you are in, your role, since when
posts.json        your posts, with their changes
comments.json     your comments, with their changes
reactions.json    your reactions
feeds_added.json  feeds that you added to groups
activity.json     what this site's log has noted of your acts (400 days)
uploads.json      files sent, and kept for a week to be posted
files/            your files and pictures

What others wrote is not here: only the ids of the posts that you answered.
What was erased for good is gone. A file that is not at this site is shown as null.
Your password and your keys are not here.
";

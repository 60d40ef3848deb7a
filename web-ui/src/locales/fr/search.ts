/** French words of the search screen, fetched when it is opened. */

import { pluralOf } from "../plural";

const p = pluralOf("fr");

export const fr = {
  title: "Rechercher",
  titleOf: (words: string) => `« ${words} »`,
  box: "Mots, débuts de mots ou « phrase exacte »",
  lead: "Publications, commentaires, documents, fichiers, personnes et groupes : ce que vous pouvez lire, ici et maintenant.",
  kinds: {
    label: "Chercher dans",
    all: "Tout",
    post: "Publications",
    comment: "Commentaires",
    page: "Documents",
    file: "Fichiers",
    person: "Personnes",
    group: "Groupes",
  },
  hits: {
    post: "Publication",
    comment: "Commentaire",
    page: "Document",
    page_comment: "Commentaire sur un document",
    file: "Fichier",
  },
  filters: "Filtres",
  filtersOn: (n: number) => p(n, { one: "# filtre actif", other: "# filtres actifs" }),
  clear: "Retirer les filtres",
  group: "Groupe",
  allGroups: "Tous les groupes",
  person: "Écrit par",
  anybody: "N'importe qui",
  changePerson: "Choisir quelqu'un d'autre",
  site: "Site",
  allSites: "Tous les sites",
  source: "Flux",
  allSources: "Tous les flux",
  since: "Depuis le",
  until: "Jusqu'au",
  order: { label: "Ordre", best: "Les plus proches", recent: "Les plus récents" },
  people: "Personnes",
  groups: "Groupes",
  written: "Ce qui a été écrit",
  by: (name: string) => `par ${name}`,
  from: (title: string) => `du flux ${title}`,
  untitled: "Sans titre",
  start: "Que cherchez-vous ?",
  startText: "Un mot suffit, ou son début. Les accents, les majuscules et les pluriels ne comptent pas ; entre guillemets, les mots se suivent.",
  none: "Rien ne correspond",
  noneText: "Essayez avec moins de mots, le début d'un mot, ou sans filtre.",
  found: (n: number) => p(n, { one: "# résultat affiché", other: "# résultats affichés" }),
  missing: (groups: number, missing: number) =>
    p(groups, {
      one: `Un groupe n'est pas encore entièrement arrivé sur ce site : il manque ${missing} éléments, qui ne peuvent pas être trouvés.`,
      other: `# groupes ne sont pas encore entièrement arrivés sur ce site : il manque ${missing} éléments, qui ne peuvent pas être trouvés.`,
    }),
  filling: (done: number, of: number) => `L'index de recherche se prépare : ${done} sur ${of}. Ce qui n'y est pas encore n'est pas trouvé.`,
  fillingSoon: "L'index de recherche se prépare. Ce qui n'y est pas encore n'est pas trouvé.",
  saved: "Recherches gardées",
  save: "Garder cette recherche",
  saveName: "Nom de cette recherche",
  savedToast: (name: string) => `La recherche « ${name} » est gardée.`,
  drop: (name: string) => `Retirer la recherche « ${name} »`,
  dropped: (name: string) => `La recherche « ${name} » est retirée.`,
};

export type SearchMessages = typeof fr;

//! What is found by which words.

use super::{GROUP, ask, document, index, numbers, of, wanted};
use archipel_search::{Document, Kind, Order, Wanted};

#[test]
fn french_is_found_without_its_articles_plurals_and_accents() {
    let (_folder, index) = of(&["La rentrée de l'école", "Les écoles d’Angers", "Un cheval", "Des chevaux"]);
    for words in ["école", "ecole", "écoles", "l'école", "ÉCOLES", "d'école"] {
        assert_eq!(numbers(&index, words), [1, 2], "{words}");
    }
    assert_eq!(numbers(&index, "cheval"), [3, 4]);
    assert_eq!(numbers(&index, "rentree ecole"), [1]);
}

#[test]
fn english_is_found_too() {
    let (_folder, index) = of(&["We are meeting at noon", "Two meetings were moved", "nothing"]);
    assert_eq!(numbers(&index, "meetings"), [1, 2]);
    assert_eq!(numbers(&index, "moving"), [2]);
}

#[test]
fn beginnings_and_parts_of_words_are_found() {
    let (_folder, index) = of(&["Gymnase municipal", "L'intercommunalité", "Rien"]);
    assert_eq!(numbers(&index, "gym"), [1]);
    assert_eq!(numbers(&index, "gy"), [1]);
    assert_eq!(numbers(&index, "communal"), [2]);
    assert_eq!(numbers(&index, "muni"), [1]);
    // Two letters inside a word are too few.
    assert_eq!(numbers(&index, "mn"), Vec::<u8>::new());
}

#[test]
fn a_phrase_is_found_in_its_order_only() {
    let (_folder, index) =
        of(&["le conseil municipal se réunit", "municipal, le conseil", "conseil de quartier municipal"]);
    assert_eq!(numbers(&index, "\"conseil municipal\""), [1]);
    assert_eq!(numbers(&index, "« Conseil municipal »"), [1]);
    assert_eq!(numbers(&index, "conseil municipal"), [1, 2, 3]);
    assert_eq!(numbers(&index, "\"conseil municipal"), [1]);
}

#[test]
fn words_that_stand_everywhere_are_not_asked_for() {
    let (_folder, index) = of(&["réunion rentrée", "la fête"]);
    assert_eq!(numbers(&index, "la réunion de la rentrée"), [1]);
    assert_eq!(numbers(&index, "la"), [2]);
}

#[test]
fn what_fits_best_or_is_newest_comes_first() {
    let (_folder, index) = index();
    let titled = Document { title: "Budget", ..document(1, "les chiffres") };
    for document in
        [titled, document(2, "un mot sur le budget de la fête et beaucoup d'autres choses"), document(3, "budgétaire")]
    {
        index.put(&document).expect("it can be put");
    }
    index.commit("").expect("it can be committed");
    let order = |order| ask(&index, &Wanted { order, ..wanted("budget") }).hits.iter().map(|hit| hit.item[0]).collect();
    let (best, recent): (Vec<u8>, Vec<u8>) = (order(Order::Best), order(Order::Recent));
    assert_eq!(best, [1, 2, 3]);
    assert_eq!(recent, [3, 2, 1]);
}

#[test]
fn filters_leave_out_what_they_do_not_name() {
    let (_folder, index) = index();
    let file = Document { kind: Kind::File, part: 2, author: Some([2; 16]), ..document(2, "plan du site") };
    let other = Document { group: [8; 32], ..document(3, "plan secret") };
    let fed = Document { author: None, source: Some([5; 32]), ..document(4, "plan de relance") };
    for document in [document(1, "plan"), file, other, fed] {
        index.put(&document).expect("it can be put");
    }
    index.commit("").expect("it can be committed");
    let found = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = Wanted { order: Order::Recent, ..wanted("plan") };
        change(&mut wanted);
        ask(&index, &wanted).hits.iter().map(|hit| hit.item[0]).collect::<Vec<u8>>()
    };
    assert_eq!(found(&|_| {}), [4, 2, 1]);
    assert_eq!(found(&|wanted| wanted.groups = Vec::new()), Vec::<u8>::new());
    assert_eq!(found(&|wanted| wanted.groups = vec![[8; 32], GROUP]), [4, 3, 2, 1]);
    assert_eq!(found(&|wanted| wanted.authors = Some(vec![[2; 16]])), [2]);
    assert_eq!(found(&|wanted| wanted.authors = Some(Vec::new())), Vec::<u8>::new());
    assert_eq!(found(&|wanted| wanted.kinds = vec![Kind::File]), [2]);
    assert_eq!(found(&|wanted| wanted.source = Some([5; 32])), [4]);
    assert_eq!(found(&|wanted| (wanted.from, wanted.to) = (Some(2), Some(4))), [2]);
    assert_eq!(found(&|wanted| wanted.words = String::new()), [4, 2, 1]);
    let hits = ask(&index, &Wanted { kinds: vec![Kind::File], ..wanted("plan") }).hits;
    assert_eq!((hits[0].part, hits[0].kind), (2, Kind::File));
}

#[test]
fn pages_of_hits_follow_one_another() {
    let texts: Vec<String> = (0..7).map(|at| format!("vélo {at}")).collect();
    let (_folder, index) = of(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let page = |skip| ask(&index, &Wanted { order: Order::Recent, skip, max: 3, ..wanted("velo") });
    let numbers = |skip| page(skip).hits.iter().map(|hit| hit.item[0]).collect::<Vec<u8>>();
    assert_eq!([numbers(0), numbers(3), numbers(6)], [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
    assert_eq!([page(0).more, page(3).more, page(6).more], [true, true, false]);
}

#[test]
fn nothing_that_is_typed_breaks_it() {
    let (_folder, index) = of(&["l'école"]);
    let long = "é".repeat(100_000);
    let many = "mot ".repeat(10_000);
    let odd = ["", "\"", "\"\"", "'", "l'", "* ? AND ( OR", "a:b^2~", "\0", "\n", "-", "[a TO b]", "👩‍👩‍👧", &long, &many];
    for words in odd {
        ask(&index, &wanted(words));
    }
}

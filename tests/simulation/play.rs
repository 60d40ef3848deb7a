//! People who act at random at sites to which everything happens.

use crate::checks::Checks;
use crate::hostile::Hostile;
use crate::world::{Perils, Watch, Weather, World};
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::effect::Answer;
use protocol::engine::input::{Activity, Command, OutsideItem, Reaction};
use protocol::ids::{EntryId, GroupId, RequestId, ScopeId, UserId};
use protocol::store::keys::table;
use protocol::sync::plan::Sizes;
use std::cell::RefCell;
use std::rc::Rc;

/// How often a person tries again whose request was not answered.
const TRIES: usize = 6;
const DAY_MS: i64 = 86_400_000;
/// Most people of a world.
const PEOPLE_MAX: usize = 12;

/// What kinds of trouble a world has.
#[derive(Debug, Clone, Copy)]
pub struct Troubles {
    /// Disks and processes fail.
    pub failing: bool,
    /// Messages are late and repeated.
    pub late: bool,
    /// Some pairs of sites can never connect.
    pub walls: bool,
    /// Clocks are off by up to a day, and jump.
    pub clocks: bool,
    /// Lines stay cut for days.
    pub days: bool,
    /// One site turns hostile.
    pub hostile: bool,
    /// Old copies of disks are restored.
    pub restores: bool,
    /// The hostile site forks its logs.
    pub forks: bool,
    /// Nothing is pushed, and no live message arrives: what is new is found by comparing alone.
    pub silent: bool,
}

impl Troubles {
    /// The troubles of a seed: each alone, and all mixtures. Restored disks and forked logs make a run of their own
    /// (`tests/run simulation --forks`).
    pub fn of(seed: u64, with_forks: bool) -> Self {
        let has = |shift: u64, of: u64| (seed >> 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift & 0xff < of;
        Self {
            failing: has(8, 150),
            late: has(16, 110),
            walls: has(24, 80),
            clocks: has(32, 60),
            days: has(40, 60),
            hostile: has(48, 100),
            restores: with_forks && has(52, 70),
            forks: with_forks,
            silent: has(56, 50),
        }
    }
}

/// What a person was told is done.
struct Acknowledged {
    at: usize,
    id: EntryId,
    /// `None` for what stands in the organisation's scope.
    group: Option<GroupId>,
    is_post: bool,
}

/// One history.
pub struct Play {
    /// The sites.
    pub world: World,
    /// What is looked at.
    pub checks: Rc<RefCell<Checks>>,
    /// What may happen.
    pub troubles: Troubles,
    /// Groups made.
    pub groups: Vec<GroupId>,
    /// The site that turned.
    pub hostile: Option<Rc<RefCell<Hostile>>>,
    /// Person and home.
    pub people: Vec<(UserId, usize)>,
    items: Vec<EntryId>,
    sources: Vec<EntryId>,
    acknowledged: Vec<Acknowledged>,
    /// What a restored site had acknowledged and others hold, and what was dropped with a group that its site had left: it
    /// must be there again in the end.
    owed: Vec<Acknowledged>,
    texts: u64,
}

impl Play {
    /// A world of two to five sites that know each other, and one group.
    pub fn new(seed: u64, with_forks: bool) -> Self {
        let troubles = Troubles::of(seed, with_forks);
        let mut world = World::new(seed);
        // Half of the worlds spread what is new by live messages, as sites of many do.
        if seed % 2 == 1 || troubles.silent {
            world.tuning.push_peers_max = 0;
        }
        // Half of them fill even short logs from their newest entry down.
        if seed / 2 % 2 == 1 {
            world.tuning.fetch = Sizes { piece: 4, backfill_min: 4, first: 4 };
            world.tuning.explicit_every = 4;
        }
        world.silent = troubles.silent;
        let checks = Rc::new(RefCell::new(Checks::default()));
        let watch: Rc<RefCell<dyn Watch>> = checks.clone();
        world.watch = Some(watch);
        let least = if troubles.hostile { 3 } else { 2 };
        let count = (least + world.below(6 - least)) as usize;
        for _ in 0..count {
            world.add_site();
        }
        let ann = world.found(0);
        let mut people = vec![(ann, 0)];
        for at in 1..count {
            let user = world.admit(0, ann, at, &format!("Person of {at}"));
            people.push((user, at));
        }
        // The first site reaches all, so that everything can go through it.
        for a in 1..count {
            for b in a + 1..count {
                if troubles.walls && world.below(2) == 0 {
                    world.walls.insert((a, b));
                }
            }
        }
        world.connect_all();
        world.pass(4);
        let mut play = Self {
            world,
            checks,
            troubles,
            groups: Vec::new(),
            hostile: None,
            people,
            items: Vec::new(),
            sources: Vec::new(),
            acknowledged: Vec::new(),
            owed: Vec::new(),
            texts: 0,
        };
        play.make_group();
        if troubles.failing {
            play.world.perils = Perils { sync_fails: 20, dies_before: 10, dies_after: 20 };
        }
        if troubles.clocks {
            (0..count).for_each(|at| play.set_clock(at));
        }
        play
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.world.below(of.len() as u64) as usize])
    }

    fn person(&mut self) -> (UserId, usize) {
        let people = self.people.clone();
        self.pick(&people).expect("there is always the first admin")
    }

    /// Whether a site keeps to the rules.
    pub fn is_honest(&self, at: usize) -> bool {
        !self.world.sites[at].puppet
    }

    /// Asks until there is an answer, each time with the same request id.
    fn ask(&mut self, at: usize, actor: Option<UserId>, command: &Command) -> Option<EntryId> {
        if !self.is_honest(at) {
            return None;
        }
        let request = RequestId(self.world.random());
        for _ in 0..TRIES {
            match self.world.try_ask(at, actor, request, command.clone()) {
                Some(Answer::Done { id }) => return Some(id),
                Some(_) => return None,
                None => {}
            }
        }
        None
    }

    fn make_group(&mut self) {
        let (by, at) = self.person();
        let kinds = [GroupKind::General, GroupKind::Trade, GroupKind::Project, GroupKind::Theme];
        let kind = self.pick(&kinds).expect("four kinds");
        let access = self.pick(&[Access::Open, Access::Closed, Access::Secret]).expect("three");
        let command = Command::CreateGroup { name: "Groupe".into(), purpose: String::new(), kind, access };
        if let Some(id) = self.ask(at, Some(by), &command) {
            self.groups.push(GroupId::from(id));
        }
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("text {}", self.texts)
    }

    /// Somebody does something.
    pub fn act(&mut self) {
        let (by, at) = self.person();
        let (groups, items) = (self.groups.clone(), self.items.clone());
        let group = self.pick(&groups);
        let target = self.pick(&items);
        let command = match (self.world.below(16), group, target) {
            (0..=4, Some(group), _) => {
                Command::CreatePost { group, title: String::new(), text: self.text(), attachments: Vec::new() }
            }
            (5..=6, _, Some(post)) => Command::CreateComment { post, text: self.text() },
            (7, _, Some(target)) => Command::Edit { target, title: String::new(), text: self.text() },
            (8, _, Some(target)) if self.world.below(3) == 0 => Command::Delete { target },
            (8..=9, _, Some(target)) => {
                let on = self.pick(&[Reaction::On, Reaction::Off]).expect("two");
                Command::React { target, emoji: "👍".into(), on }
            }
            (10..=12, Some(group), _) => self.change_members(group),
            (13, Some(group), _) => {
                let url = format!("https://example.org/{}", self.world.below(3));
                Command::SetSource { group, url, title: "Flux".into(), site_url: None }
            }
            (14, ..) => return self.take_from_outside(at),
            (15, ..) => return self.change_people(by, at),
            _ => return,
        };
        self.carry_out(by, at, command);
    }

    fn carry_out(&mut self, by: UserId, at: usize, command: Command) {
        let is_item = matches!(command, Command::CreatePost { .. } | Command::CreateComment { .. });
        let is_source = matches!(command, Command::SetSource { .. });
        let is_post = matches!(command, Command::CreatePost { .. });
        let Some(id) = self.ask(at, Some(by), &command) else { return };
        if is_item {
            self.items.push(id);
        }
        if is_source {
            self.sources.push(id);
        }
        if self.checks.borrow().holds(at, &id) {
            // What is said to a post stands in the post's group, whichever was picked.
            let scope = self.checks.borrow().scopes.get(&id).copied();
            let org = self.world.sites[at].engine.org().map(ScopeId::from);
            let group = scope.filter(|scope| Some(*scope) != org).map(GroupId::from);
            self.acknowledged.push(Acknowledged { at, id, group, is_post });
        } else {
            // A group of the same address was there before, or nothing was to be done.
            assert!(is_source, "site {at} says that {command:?} is done and holds no {id:?}");
        }
    }

    fn change_members(&mut self, group: GroupId) -> Command {
        let (other, _) = self.person();
        match self.world.below(9) {
            0 => Command::Revoke { group, users: vec![other] },
            1 => Command::JoinGroup(group),
            2 => Command::LeaveGroup(group),
            _ => {
                let role = self.pick(&[Role::Owner, Role::Facilitator, Role::Member, Role::Reader]).expect("four");
                Command::Grant { group, users: vec![other], role }
            }
        }
    }

    fn take_from_outside(&mut self, at: usize) {
        let sources = self.sources.clone();
        let Some(source) = self.pick(&sources) else { return };
        let origin_key = [self.world.below(6) as u8; 32];
        let text = self.text();
        let (title, author) = ("Titre".into(), None);
        let item = OutsideItem { origin_key, title, text, url: None, published: None, author };
        let command = match self.world.below(3) {
            0 => Command::EditOutside { source, item },
            _ => Command::PostOutside { source, item },
        };
        self.ask(at, None, &command);
    }

    fn change_people(&mut self, by: UserId, at: usize) {
        let (other, _) = self.person();
        if self.world.below(4) == 0 && other != by {
            let active = self.pick(&[Activity::Active, Activity::Disabled]).expect("two");
            self.ask(at, Some(by), &Command::SetUserActive { user: other, active });
        } else if self.people.len() < PEOPLE_MAX {
            let user = UserId(self.world.random());
            let command = Command::RegisterUser { user, name: "New".into(), title: String::new() };
            if self.ask(at, Some(by), &command).is_some() {
                self.people.push((user, at));
            }
        }
    }

    // --- troubles ---------------------------------------------------------------------------------------------------

    fn set_clock(&mut self, at: usize) {
        let span = 2 * DAY_MS as u64;
        self.world.sites[at].skew = self.world.below(span) as i64 - DAY_MS;
    }

    fn set_weather(&mut self) {
        let (loss_percent, reorder) = (self.world.below(60), self.world.below(2) == 0);
        let late = self.troubles.late;
        let delay_ms_max = if late { self.world.below(10_000) } else { 0 };
        let repeat_percent = if late { self.world.below(20) } else { 0 };
        self.world.weather = Weather { loss_percent, reorder, delay_ms_max, repeat_percent };
    }

    /// Something happens to the sites, their lines or their clocks.
    pub fn disturb(&mut self) {
        let count = self.world.sites.len() as u64;
        let (a, b) = (self.world.below(count) as usize, self.world.below(count) as usize);
        match self.world.below(16) {
            0..=1 => self.world.cut(a, b),
            2..=4 => self.world.connect(a, b),
            5 => self.restart(a),
            6 if self.world.below(4) == 0 && self.is_honest(a) => self.world.rebuild(a),
            7 => self.set_weather(),
            8 => self.world.now.0 += self.world.below(3_600_000),
            9 if self.world.below(4) == 0 => self.make_group(),
            10 if self.troubles.days && self.world.below(3) == 0 => self.part_for_days(a),
            11 if self.troubles.clocks => self.set_clock(a),
            12 if self.troubles.failing && self.is_honest(a) => self.world.crash(a),
            13 if self.troubles.restores && self.is_honest(a) => self.copy_or_restore(a),
            _ => {
                let seconds = self.world.below(3);
                self.world.pass(seconds);
            }
        }
    }

    /// Somebody keeps a copy of a site's disk, or puts it back.
    fn copy_or_restore(&mut self, at: usize) {
        if self.world.sites[at].copy.is_none() || self.world.below(2) == 0 {
            return self.world.copy(at);
        }
        self.checks.borrow_mut().restored.insert(self.world.node(at));
        self.world.restore(at);
        let (checks, others) = (self.checks.borrow(), 0..self.world.sites.len());
        let (there, gone): (Vec<_>, Vec<_>) =
            self.acknowledged.drain(..).partition(|done| done.at != at || checks.holds(at, &done.id));
        self.acknowledged = there;
        // What nobody else holds is lost with the disk.
        let held =
            |done: &Acknowledged| others.clone().any(|other| self.is_honest(other) && checks.holds(other, &done.id));
        let owed: Vec<_> = gone.into_iter().filter(held).collect();
        drop(checks);
        self.owed.extend(owed);
    }

    fn restart(&mut self, at: usize) {
        if self.is_honest(at) {
            self.world.restart(at);
        }
    }

    /// A site is alone for up to thirty days, and people go on writing on both sides.
    fn part_for_days(&mut self, at: usize) {
        let days = 1 + self.world.below(30);
        self.world.isolate(at);
        for _ in 0..days {
            self.world.now.0 += DAY_MS as u64;
            self.world.pass(1);
            if self.world.below(3) == 0 {
                self.act();
            }
        }
    }

    /// The last site turns hostile.
    pub fn turn(&mut self) {
        if !self.troubles.hostile || self.hostile.is_some() {
            return;
        }
        let at = self.world.sites.len() - 1;
        let users = self.people.iter().filter(|(_, home)| *home == at).map(|(user, _)| *user).collect();
        self.checks.borrow_mut().hostile.insert(self.world.node(at));
        self.hostile = Some(Hostile::turn(&mut self.world, at, users));
        self.acknowledged.retain(|done| done.at != at);
    }

    /// The hostile site attacks.
    pub fn strike(&mut self) {
        if let Some(hostile) = self.hostile.clone() {
            hostile.borrow_mut().strike(&mut self.world, self.troubles.forks);
            self.checks.borrow_mut().forked.extend(&hostile.borrow().forked);
        }
    }

    // --- what must hold ---------------------------------------------------------------------------------------------

    /// Everything that can be said at any time.
    pub fn check(&mut self) {
        let mut checks = self.checks.borrow_mut();
        let is_dropped = |done: &Acknowledged| checks.dropped.contains(&(done.at, done.id));
        let (dropped, kept): (Vec<_>, Vec<_>) = self.acknowledged.drain(..).partition(is_dropped);
        self.acknowledged = kept;
        self.owed.extend(dropped);
        checks.inv_35_memory_is_bounded(&self.world);
        for done in &self.acknowledged {
            self.inv_41_what_was_acknowledged_is_there(&mut checks, done);
        }
        assert!(checks.broken.is_empty(), "{:#?}", checks.broken);
        drop(checks);
        for site in &mut self.world.sites {
            site.notices.clear();
        }
    }

    /// What restored sites had acknowledged and others hold is back, and so is what was dropped with a group that a site
    /// is in again.
    pub fn inv_41_what_was_restored_came_back(&self) -> Vec<String> {
        let mut checks = Checks::default();
        let known = self.checks.borrow();
        for done in self.owed.iter().filter(|done| !known.holds(done.at, &done.id)) {
            // Others may have lost it meanwhile to a restored disk of their own, and who is out of a group gives nothing of it.
            let gives = |at: usize| done.group.as_ref().is_none_or(|group| self.keeps(at, group));
            let held =
                (0..self.world.sites.len()).any(|at| self.is_honest(at) && known.holds(at, &done.id) && gives(at));
            if held {
                self.inv_41_what_was_acknowledged_is_there(&mut checks, done);
            }
        }
        checks.broken
    }

    /// A post that was acknowledged is shown, or it is said why it does not count; itself or written again.
    pub fn inv_41_what_was_acknowledged_is_shown(&self) -> Vec<String> {
        let checks = self.checks.borrow();
        let mut found = Vec::new();
        for done in self.acknowledged.iter().filter(|done| done.is_post) {
            let Some(group) = done.group.filter(|group| self.keeps(done.at, group)) else { continue };
            let rows = self.world.sites[done.at].store.rows();
            let somewhere = checks.family(&done.id).into_iter().any(|id| {
                [table::FEED, table::VOID, table::PENDING].iter().any(|prefix| {
                    let from = [&[*prefix][..], &group.0].concat();
                    rows.range(from.clone()..)
                        .take_while(|(key, _)| key.starts_with(&from))
                        .any(|(key, _)| key.ends_with(&id.0))
                })
            });
            if !somewhere {
                found.push(format!("INV-41: site {} neither shows nor voids {:?}", done.at, done.id));
            }
        }
        found
    }

    /// Whether a site's people are in a group.
    pub fn keeps(&self, at: usize, group: &GroupId) -> bool {
        let node = self.world.node(at);
        self.world.read(at, |reader| reader.keeps(&node, group))
    }

    fn inv_41_what_was_acknowledged_is_there(&self, checks: &mut Checks, done: &Acknowledged) {
        if checks.holds(done.at, &done.id) {
            return;
        }
        // A site that is no longer in a group need not keep it.
        let node = self.world.node(done.at);
        let keeps = |group: &GroupId| self.world.read(done.at, |reader| reader.keeps(&node, group));
        if done.group.as_ref().is_none_or(keeps) {
            checks.broken.push(format!("INV-41: site {} had acknowledged {:?} and lost it", done.at, done.id));
        }
    }
}

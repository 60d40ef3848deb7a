//! Every way a scripted history can be cut short: after each step, with each prefix and many samples of the unsynced.

use archipel_storage::faults::{Fault, FaultyDisk, Survives};

/// Samples of reordered and partly written sectors at each step.
const SAMPLES: u64 = 12;

/// Runs `script` once to count its steps, then again for each step with the machine stopping there, and calls `judge`
/// with what the script had reached and the disk as a new process finds it, for each way the crash can fall out.
/// Returns the number of crashes judged.
pub fn every_crash<T>(script: impl Fn(&FaultyDisk) -> T, judge: impl Fn(&T, &FaultyDisk, &str)) -> u64 {
    let whole = FaultyDisk::new();
    script(&whole);
    let mut judged = 0;
    for stop in 1..=whole.steps() + 1 {
        let disk = FaultyDisk::new();
        disk.fail_at(stop, Fault::Stop);
        let reached = script(&disk);
        for survives in outcomes(&disk, stop) {
            judge(&reached, &disk.crash(survives), &format!("stop at {stop}, {survives:?}"));
            judged += 1;
        }
    }
    judged
}

fn outcomes(disk: &FaultyDisk, stop: u64) -> Vec<Survives> {
    let mut out = vec![Survives::Nothing, Survives::Everything];
    for changes in 0..disk.unsynced() {
        for bytes in [0, 1, 23, 24, 100, 511, 512, 700, 1024, 4097] {
            out.push(Survives::Prefix { changes, bytes });
        }
    }
    out.extend((0..SAMPLES).map(|sample| Survives::Random { seed: stop * 1000 + sample }));
    out
}

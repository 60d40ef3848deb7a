//! A copy of a data folder is put back, and a copied machine runs for a while: nothing that reached anybody is lost, nothing
//! is shown twice, no history is written a second time.

use archipel_tests::cluster::{CROSS_WITHIN, Client, Site, two_sites, within};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the machine has room for a copy");
    for item in fs::read_dir(from).expect("the folder can be read") {
        let item = item.expect("an item of the folder");
        let target = to.join(item.file_name());
        match item.file_type().expect("an item has a type") {
            kind if kind.is_dir() => copy_folder(&item.path(), &target),
            kind if kind.is_file() => {
                fs::copy(item.path(), target).expect("a file can be copied");
            }
            // The control socket is made anew at each start.
            _ => {}
        }
    }
}

/// The stopped site gets another data folder.
fn put_back(site: &Site, copy: &Path) {
    fs::remove_dir_all(site.data()).expect("the folder can be removed");
    copy_folder(copy, &site.data());
}

async fn all_see(clients: &[&Client], group: &str, wanted: &[&str]) {
    let mut wanted: Vec<&str> = wanted.to_vec();
    wanted.sort_unstable();
    within(CROSS_WITHIN, "both sites show each post once", async || {
        for client in clients {
            let posts = client.whole_feed(group).await.unwrap_or_default();
            let mut texts: Vec<String> = posts.into_iter().map(|post| post.text).collect();
            texts.sort();
            if texts != wanted {
                return None;
            }
        }
        Some(())
    })
    .await;
}

async fn alarms(client: &Client) -> Vec<String> {
    let alarms: Vec<Value> = client.get("admin/alarms").await.expect("administrators may ask");
    alarms.iter().map(|alarm| alarm["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[tokio::test]
async fn a_restored_data_folder_ends_without_a_fork() {
    let (mut paris, ann, mut lyon, ben, group) = two_sites().await;
    let backup = tempfile::tempdir().expect("the machine has room for a copy");
    ben.write(&group.id, "avant la copie").await.unwrap();
    all_see(&[&ann, &ben], &group.id, &["avant la copie"]).await;
    lyon.stop().await;
    copy_folder(&lyon.data(), backup.path());
    lyon.restart().await;
    ben.write(&group.id, "après la copie").await.unwrap();
    all_see(&[&ann, &ben], &group.id, &["avant la copie", "après la copie"]).await;

    // The copy is put back while Paris is off: Lyon writes at positions that Paris knows otherwise.
    lyon.stop().await;
    paris.stop().await;
    put_back(&lyon, backup.path());
    lyon.restart().await;
    ben.write(&group.id, "restauré, seul").await.unwrap();
    paris.restart().await;
    let three = ["avant la copie", "après la copie", "restauré, seul"];
    all_see(&[&ann, &ben], &group.id, &three).await;
    within(CROSS_WITHIN, "lyon tells its administrator", async || {
        alarms(&ben).await.contains(&"restored".to_owned()).then_some(())
    })
    .await;
    for client in [&ann, &ben] {
        assert!(!alarms(client).await.contains(&"fork".to_owned()), "nobody knows of a fork");
    }

    // And the same again over an unclean end.
    lyon.kill().await;
    put_back(&lyon, backup.path());
    lyon.restart().await;
    all_see(&[&ann, &ben], &group.id, &three).await;
    ben.write(&group.id, "plus tard").await.unwrap();
    all_see(&[&ann, &ben], &group.id, &["avant la copie", "après la copie", "restauré, seul", "plus tard"]).await;
    for client in [&ann, &ben] {
        assert!(!alarms(client).await.contains(&"fork".to_owned()), "nobody knows of a fork");
    }
}

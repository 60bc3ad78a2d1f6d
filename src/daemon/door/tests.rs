use super::tries::{MAX_PEERS, TRIES_OF_ALL, network};
use super::*;

const HOME: &str = "192.168.1.20";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A door with a file of its own, and the password "open sesame" if it has one.
fn door(name: &str, has_password: bool) -> Door {
    let folder = std::env::temp_dir().join(format!("weir-door-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let file = folder.join("password");
    if has_password {
        password::save(&file, &password::hash("open sesame")).unwrap();
    }
    Door::new(file)
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.file.parent().unwrap());
    }
}

#[test]
fn a_password_opens_a_session_that_ends() {
    let mut door = door("session", true);
    assert_eq!(door.sign_in("open barley", HOME, secs(0)), Err(No::Wrong));
    let pass = door.sign_in("open sesame", HOME, secs(1)).unwrap();
    assert_eq!((pass.token.len(), pass.csrf.len(), pass.role, pass.by_ticket), (32, 32, Role::Admin, false));
    assert_eq!(door.session(&pass.token, secs(2)), Some(pass.clone()));
    for nonsense in ["", "x", &pass.csrf, &pass.token[..31], &format!("{}0", pass.token)] {
        assert!(door.session(nonsense, secs(2)).is_none(), "{nonsense}");
    }
    // In use it lasts a month, idle for half a day.
    for hour in 1..720 {
        assert!(door.session(&pass.token, secs(hour * 3600)).is_some(), "{hour}");
    }
    assert_eq!(door.session(&pass.token, secs(720 * 3600 + 1)), None);
    let idle = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    assert_eq!(door.session(&idle.token, IDLE), None);
}

#[test]
fn guessing_takes_ever_longer() {
    let mut door = door("guess", true);
    let mut now = secs(100);
    for _ in 0..5 {
        assert_eq!(door.sign_in("wrong", HOME, now), Err(No::Wrong));
    }
    // The sixth is the first that has to be waited for afterwards.
    for wait in [10, 20, 40, 80, 160, 320, 640, 900, 900] {
        assert_eq!(door.sign_in("wrong", HOME, now), Err(No::Wrong), "{wait}");
        assert_eq!(door.sign_in("open sesame", HOME, now), Err(No::Wait(secs(wait))), "even the right one");
        now += secs(wait);
    }
    // Others are not held up, and whoever waited and knows it begins anew.
    assert!(door.sign_in("open sesame", "192.168.1.21", secs(101)).is_ok());
    assert!(door.sign_in("open sesame", HOME, now).is_ok());
    assert_eq!(door.tries.peers(), 0);
}

#[test]
fn many_addresses_guess_no_faster() {
    let mut door = door("many", true);
    for n in 0..TRIES_OF_ALL {
        let from = format!("2001:db8:{n:x}::1");
        assert_eq!(door.sign_in("wrong", &from, secs(0)), Err(No::Wrong));
    }
    assert_eq!(door.sign_in("wrong", "2001:db8:ffff::1", secs(3)), Err(No::Wait(secs(7))));
    assert_eq!(door.sign_in("wrong", "2001:db8:ffff::1", secs(10)), Err(No::Wrong));
    assert!(matches!(door.sign_in("wrong", "2001:db8:fffe::1", secs(11)), Err(No::Wait(_))));
    // A host's own network is one address, an unknown address another.
    assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
    assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
    assert_eq!(network("nonsense"), network(""));
    // The way by LuCI stays open.
    let ticket = door.ticket(secs(11));
    assert!(door.redeem(&ticket, secs(11)).is_ok());
}

#[test]
fn what_is_remembered_of_peers_is_bounded() {
    let mut door = door("peers", true);
    for n in 0..1000_u32 {
        door.tries.count(u128::from(n), secs(0));
    }
    assert_eq!(door.tries.peers(), MAX_PEERS);
    door.tries.count(5, secs(901));
    assert_eq!(door.tries.peers(), 1, "the others are forgotten");
}

#[test]
fn a_ticket_is_good_once_and_not_for_long() {
    let mut door = door("ticket", false);
    let ticket = door.ticket(secs(5));
    assert_eq!(ticket.len(), 32);
    assert_eq!(door.redeem("", secs(5)), Err(No::Wrong));
    let pass = door.redeem(&ticket, secs(34)).unwrap();
    assert!(pass.by_ticket && pass.role == Role::Admin);
    assert_eq!(door.redeem(&ticket, secs(34)), Err(No::Wrong), "used up");
    let late = door.ticket(secs(40));
    assert_eq!(door.redeem(&late, secs(70)), Err(No::Wrong), "too late");
    let first = door.ticket(secs(80));
    for _ in 0..MAX_TICKETS {
        door.ticket(secs(80));
    }
    assert_eq!((door.redeem(&first, secs(80)), door.tickets.len()), (Err(No::Wrong), MAX_TICKETS));
}

#[test]
fn the_first_password_takes_the_code_of_the_log() {
    let mut door = door("first", false);
    assert_eq!(door.sign_in("", HOME, secs(0)), Err(No::Unset));
    let code = door.code().to_owned();
    let wrong = if code == "0000-0000" { "1" } else { "0000-0000" };
    assert_eq!(door.set("a new one", Voucher::Code(wrong), HOME, secs(0)), Err(No::Wrong));
    assert_eq!(door.set("a new one", Voucher::Code(""), HOME, secs(0)), Err(No::Wrong));
    assert_eq!(door.set("short", Voucher::Code(&code), HOME, secs(0)), Err(No::Poor("short")));
    let pass = door.set("a new one", Voucher::Code(&code.replace('-', " ")), HOME, secs(0)).unwrap();
    assert!(door.session(&pass.token, secs(1)).is_some());
    assert!(door.sign_in("a new one", HOME, secs(1)).is_ok());
    let again = door.code().to_owned();
    assert_eq!(door.set("another one", Voucher::Code(&again), HOME, secs(1)), Err(No::Wrong));
}

#[test]
fn another_password_takes_the_old_one_and_signs_all_out() {
    let mut door = door("other", true);
    let one = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    let two = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    let voucher = |csrf, old| Voucher::Session { token: &one.token, csrf, old };
    let new = "another one";
    assert_eq!(door.set(new, voucher(&two.csrf, "open sesame"), HOME, secs(1)), Err(No::Wrong), "csrf");
    assert_eq!(door.set(new, voucher(&one.csrf, "guess"), HOME, secs(1)), Err(No::Wrong));
    let pass = door.set(new, voucher(&one.csrf, "open sesame"), HOME, secs(1)).unwrap();
    for old in [&one, &two] {
        assert!(door.session(&old.token, secs(1)).is_none());
    }
    assert!(door.session(&pass.token, secs(1)).is_some());
    // LuCI's administrator may have forgotten it.
    let ticket = door.ticket(secs(2));
    let admin = door.redeem(&ticket, secs(2)).unwrap();
    let voucher = Voucher::Session { token: &admin.token, csrf: &admin.csrf, old: "" };
    assert!(door.set("a third one", voucher, HOME, secs(2)).is_ok());
}

#[test]
fn weir_passwd_signs_all_out_too() {
    let mut door = door("passwd", true);
    let pass = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    password::save(&door.file, &password::hash("by the shell")).unwrap();
    assert_eq!(door.session(&pass.token, secs(1)), None);
    assert!(door.sign_in("by the shell", HOME, secs(1)).is_ok());
    // A file with nonsense in it opens nothing, and is no invitation to set one.
    std::fs::write(&door.file, "nonsense\n").unwrap();
    assert!(door.has_password());
    assert_eq!(door.sign_in("nonsense", HOME, secs(1)), Err(No::Wrong));
    std::fs::write(&door.file, b"\xff\xfe").unwrap();
    assert!(door.has_password());
}

#[test]
fn one_signs_out_or_all_do() {
    let mut door = door("out", true);
    let mut pass = || door.sign_in("open sesame", HOME, secs(0)).unwrap();
    let (one, two, three) = (pass(), pass(), pass());
    assert_eq!(door.sign_out(&one.token, &two.csrf, true, secs(1)), Err(No::Wrong));
    assert_eq!(door.sign_out(&one.token, &one.csrf, false, secs(1)), Ok(()));
    assert!(door.session(&one.token, secs(1)).is_none() && door.session(&two.token, secs(1)).is_some());
    assert_eq!(door.sign_out(&two.token, &two.csrf, true, secs(1)), Ok(()));
    assert!(door.session(&three.token, secs(1)).is_none());
    let first = door.sign_in("open sesame", HOME, secs(2)).unwrap();
    for n in 0..MAX_SESSIONS as u64 {
        door.admit(Role::Admin, false, secs(3 + n));
    }
    assert_eq!(door.sessions.len(), MAX_SESSIONS);
    assert!(door.session(&first.token, secs(90)).is_none(), "the one idle longest gave way");
}

#[test]
fn a_guest_comes_in_and_changes_nothing() {
    let mut door = door("guest", true);
    let admin = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    assert_eq!(door.sign_in("welcome in", HOME, secs(0)), Err(No::Wrong), "there are no guests yet");
    let set = |door: &mut Door, pass: &Pass, new: &str| door.set_guest(new, &pass.token, &pass.csrf, secs(1));
    assert_eq!(set(&mut door, &admin, "short"), Err(No::Poor("short")));
    assert_eq!(
        set(&mut door, &admin, "open sesame"),
        Err(No::Poor("same")),
        "guests would be administrators"
    );
    assert_eq!(door.set_guest("welcome in", &admin.token, &admin.token, secs(1)), Err(No::Wrong), "csrf");
    assert_eq!((set(&mut door, &admin, "welcome in"), door.has_guest()), (Ok(()), true));
    let guest = door.sign_in("welcome in", HOME, secs(2)).unwrap();
    assert_eq!((guest.role, admin.role), (Role::Guest, Role::Admin));
    assert_eq!(door.may_change(&admin.token, &admin.csrf, secs(2)), Ok(()));
    assert_eq!(door.may_change(&admin.token, &guest.csrf, secs(2)), Err(No::Wrong));
    assert_eq!(door.may_change(&guest.token, &guest.csrf, secs(2)), Err(No::Guest));
    assert_eq!(set(&mut door, &guest, "taken over"), Err(No::Guest));
    let voucher = Voucher::Session { token: &guest.token, csrf: &guest.csrf, old: "open sesame" };
    assert_eq!(door.set("taken over", voucher, HOME, secs(2)), Err(No::Guest));
    assert_eq!(door.sign_out(&guest.token, &guest.csrf, true, secs(2)), Err(No::Guest));
    assert!(door.session(&admin.token, secs(2)).is_some());
    // Another password for guests, or none, ends their sessions and no other.
    assert_eq!(set(&mut door, &admin, "welcome back"), Ok(()));
    assert!(door.session(&guest.token, secs(3)).is_none() && door.session(&admin.token, secs(3)).is_some());
    let guest = door.sign_in("welcome back", HOME, secs(3)).unwrap();
    assert_eq!((set(&mut door, &admin, ""), door.has_guest()), (Ok(()), false));
    assert!(door.session(&guest.token, secs(4)).is_none());
    assert_eq!(door.sign_in("", HOME, secs(4)), Err(No::Wrong));
}

#[test]
fn the_administrators_password_is_not_the_guests() {
    let mut door = door("differ", true);
    password::save(&door.guest_file(), &password::hash("welcome in")).unwrap();
    let admin = door.sign_in("open sesame", HOME, secs(0)).unwrap();
    let voucher = Voucher::Session { token: &admin.token, csrf: &admin.csrf, old: "open sesame" };
    assert_eq!(door.set("welcome in", voucher, HOME, secs(0)), Err(No::Poor("same")));
    // By weir passwd --guest, which does not ask the daemon; nonsense opens nothing.
    std::fs::write(door.guest_file(), "nonsense\n").unwrap();
    assert_eq!(door.sign_in("nonsense", HOME, secs(1)), Err(No::Wrong));
    assert!(door.session(&admin.token, secs(1)).is_some());
}

#[test]
fn without_a_password_there_are_no_guests() {
    let mut door = door("only", false);
    password::save(&door.guest_file(), &password::hash("welcome in")).unwrap();
    assert_eq!(door.sign_in("welcome in", HOME, secs(0)), Err(No::Unset));
}

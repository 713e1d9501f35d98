use super::state;

const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

#[test]
fn recipients_and_identities() {
    insta::assert_snapshot!(state(&format!("folders: [/d]\nencrypt_to: [{KEY}]")), @r"
    laptop.yml:8:5: states.documents.encrypt_to: this machine could not open what others write; give identity_file or identity_command, or `direction: push` for a machine that only writes
        8 |     encrypt_to: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
          |     ^^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ndirection: push\nencrypt_to: [age1mistyped, ssh-dss]"), @r"
    laptop.yml has 2 problems

    laptop.yml:9:18: states.documents.encrypt_to[0]: `age1mistyped` is no recipient: not an X25519 key, or mistyped; accepted are `age1…`, `ssh-ed25519 …` and `ssh-rsa …` (2048 to 4096 bits)
        9 |     encrypt_to: [age1mistyped, ssh-dss]
          |                  ^^^^^^^^^^^^

    laptop.yml:9:32: states.documents.encrypt_to[1]: `ssh-dss` is no recipient: mistyped or cut off; accepted are `age1…`, `ssh-ed25519 …` and `ssh-rsa …` (2048 to 4096 bits)
        9 |     encrypt_to: [age1mistyped, ssh-dss]
          |                                ^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nencrypt_to: []"), @r"
    laptop.yml:8:17: states.documents.encrypt_to: this list is empty, so nobody could read it; leave the key out to send the state in clear
        8 |     encrypt_to: []
          |                 ^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nencrypt_to: age1"), @r"
    laptop.yml:8:17: states.documents.encrypt_to: expected a list, like [one, two]
        8 |     encrypt_to: age1
          |                 ^^^^
    ");
    insta::assert_snapshot!(state(&format!("folders: [/d]\ndirection: push\nencrypt_to: [{KEY}]\npassphrase_file: /p")), @r"
    laptop.yml:10:5: states.documents.passphrase_file: a passphrase stands alone, it cannot be mixed with keys; give one or the other
       10 |     passphrase_file: /p
          |     ^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nidentity_passphrase_file: /p"), @r"
    laptop.yml:8:5: states.documents.identity_passphrase_file: this protects an identity, and there is none; give identity_file or identity_command
        8 |     identity_passphrase_file: /p
          |     ^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nidentity_file: [key]"), @r"
    laptop.yml:8:21: states.documents.identity_file[0]: `key` must be an absolute path, or start with ~/
        8 |     identity_file: [key]
          |                     ^^^
    ");
}

#[test]
fn a_secret_in_the_place_of_a_recipient_is_not_shown() {
    let text = state("folders: [/d]\nencrypt_to: [AGE-SECRET-KEY-1QQQ]");
    assert!(!text.contains("1QQQ"), "{text}");
    insta::assert_snapshot!(text, @"laptop.yml:8:18: states.documents.encrypt_to[0]: a secret key is no recipient: it belongs to the one who opens; give the public key; accepted are `age1…`, `ssh-ed25519 …` and `ssh-rsa …` (2048 to 4096 bits)");
}

/// Whose list is commented out line by line wants no less to be encrypted.
#[test]
fn a_blank_recipient_does_not_mean_in_clear() {
    for key in ["encrypt_to", "encrypt_to_file", "passphrase", "passphrase_file", "passphrase_command"] {
        let text = state(&format!("folders: [/d]\n{key}:"));
        let told = format!("laptop.yml:8:5: states.documents.{key}: this key has no value");
        assert!(text.starts_with(&told), "{text}");
    }
}

use super::super::environment::Environment;
use super::expand;

fn environment() -> Environment {
    [("NAME", "alice"), ("EMPTY", ""), ("YAML", "a: [b]\n# c")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

#[test]
fn replaces_variables_and_nothing_else() {
    for (text, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("${NAME}", "alice"),
        ("/home/${NAME}/x", "/home/alice/x"),
        ("${NAME}${NAME}", "alicealice"),
        ("${NONE:-bob}", "bob"),
        ("${NAME:-bob}", "alice"),
        ("${EMPTY:-bob}", "bob"),
        ("${EMPTY}", ""),
        ("${NONE:-}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$NAME", "$NAME"),
        ("pa$word", "pa$word"),
        ("100$", "100$"),
        ("ünï${NAME}côdé", "ünïalicecôdé"),
        ("${YAML}", "a: [b]\n# c"),
    ] {
        assert_eq!(expand(text, &environment()).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn says_what_is_wrong() {
    for (text, expected) in [
        ("${NONE}", "the environment variable NONE is not set; set it, or give a default: `${NONE:-…}`"),
        ("${NAME", "`${` has no `}`; write `$$` for a dollar sign itself"),
        ("${}", "`${}` is not a variable; write `${NAME}` or `${NAME:-default}`"),
        ("${1X}", "`${1X}` is not a variable; write `${NAME}` or `${NAME:-default}`"),
        ("${a-b}", "`${a-b}` is not a variable; write `${NAME}` or `${NAME:-default}`"),
    ] {
        assert_eq!(expand(text, &environment()).unwrap_err(), expected, "{text}");
    }
}

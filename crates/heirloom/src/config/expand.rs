//! `${VAR}` and `${VAR:-default}` in values.
//!
//! Done after the YAML is parsed, so that no value of a variable can change the shape of the file, and
//! never in keys or comments. Rejected: a bare `$VAR`, which would change passwords that hold a dollar sign.

use super::environment::Environment;

/// Replaces variables; `$$` is a dollar sign. The error says what is wrong.
pub(crate) fn expand(text: &str, environment: &Environment) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, from) = rest.split_at(dollar);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some(after) = from.strip_prefix("${") {
            let (name, after) =
                after.split_once('}').ok_or("`${` has no `}`; write `$$` for a dollar sign itself")?;
            out.push_str(variable(name, environment)?);
            rest = after;
        } else {
            out.push('$');
            rest = &from[1..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn variable<'a>(inside: &'a str, environment: &'a Environment) -> Result<&'a str, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    if !valid {
        return Err(format!("`${{{inside}}}` is not a variable; write `${{NAME}}` or `${{NAME:-default}}`"));
    }
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    match (environment.get(name), default) {
        (Some("") | None, Some(default)) => Ok(default),
        (Some(value), _) => Ok(value),
        (None, None) => Err(format!(
            "the environment variable {name} is not set; set it, or give a default: `${{{name}:-…}}`"
        )),
    }
}

#[cfg(test)]
mod tests;

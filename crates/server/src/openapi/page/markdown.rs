//! As much of Markdown as the document's own descriptions use: paragraphs, lists, tables, blocks that are indented, and
//! within a line `code` and **strong** words.

/// Text as it may stand anywhere in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A description as HTML.
pub(super) fn html(text: &str) -> String {
    text.split("\n\n").filter(|block| !block.trim().is_empty()).map(block).collect()
}

fn block(text: &str) -> String {
    let lines = || text.lines();
    let all_start = |with: &str| lines().all(|line| line.starts_with(with));
    if all_start("    ") {
        let lines: Vec<_> = lines().map(|line| escape(line.strip_prefix("    ").unwrap_or(line))).collect();
        return format!("<pre>{}</pre>\n", lines.join("\n"));
    }
    if all_start("- ") {
        let item = |line: &str| format!("<li>{}</li>\n", inline(line.strip_prefix("- ").unwrap_or(line)));
        return format!("<ul>\n{}</ul>\n", lines().map(item).collect::<String>());
    }
    if all_start("|") {
        return format!(
            "<table>\n{}</table>\n",
            lines().filter(|line| !line.starts_with("|---")).map(row).collect::<String>()
        );
    }
    format!("<p>{}</p>\n", inline(text))
}

fn row(line: &str) -> String {
    let cells = line.trim_matches('|').split('|').map(|cell| format!("<td>{}</td>", inline(cell.trim())));
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}

/// A line's own marks. What stands between two of a kind is marked; a last one without a partner stands for itself.
fn inline(text: &str) -> String {
    let code = between(&escape(text), "`", "code");
    between(&code, "**", "b")
}

fn between(text: &str, mark: &str, element: &str) -> String {
    let pair = text.split_once(mark).and_then(|(before, rest)| Some((before, rest.split_once(mark)?)));
    let Some((before, (marked, after))) = pair else { return text.to_owned() };
    format!("{before}<{element}>{marked}</{element}>{}", between(after, mark, element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_block_has_its_element() {
        let text = "A `code`, **strong** & <b>.\n\n- one\n- `two`\n\n    a <\n    b\n\n| x | y |\n|---|---|\n| 1 | `2` |";
        insta::assert_snapshot!(html(text), @r"
        <p>A <code>code</code>, <b>strong</b> &amp; &lt;b&gt;.</p>
        <ul>
        <li>one</li>
        <li><code>two</code></li>
        </ul>
        <pre>a &lt;
        b</pre>
        <table>
        <tr><td>x</td><td>y</td></tr>
        <tr><td>1</td><td><code>2</code></td></tr>
        </table>
        ");
    }

    #[test]
    fn a_mark_without_a_partner_stands_for_itself() {
        assert_eq!(inline("a ` b"), "a ` b");
        assert_eq!(inline("`a` ` b"), "<code>a</code> ` b");
    }
}

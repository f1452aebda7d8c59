//! The part of HTML that tests check: elements and their attributes.

/// One start tag. Scripts, styles and titles come with their content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub content: String,
}

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(written, _)| written == name).map(|(_, value)| value.as_str())
    }
}

/// The start tags of a document, in order, found as a browser finds them.
pub fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        } else if rest.starts_with(['!', '/', '?']) {
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (mut tag, after) = read_tag(rest);
            rest = after;
            if matches!(tag.name.as_str(), "script" | "style" | "title" | "textarea") {
                let end = rest.to_ascii_lowercase().find(&format!("</{}", tag.name)).unwrap_or(rest.len());
                rest[..end].clone_into(&mut tag.content);
                rest = &rest[end..];
            }
            found.push(tag);
        }
    }
    found
}

/// The elements with the names of their attributes: what a text that is put into a page must never change.
pub fn structure(html: &str) -> Vec<String> {
    let describe = |tag: Tag| {
        let attributes: Vec<String> = tag.attributes.into_iter().map(|(name, _)| name).collect();
        format!("{} {}", tag.name, attributes.join(" "))
    };
    tags(html).into_iter().map(describe).collect()
}

/// The value of a form field.
pub fn field_value(html: &str, name: &str) -> Option<String> {
    let field = tags(html).into_iter().find(|tag| tag.name == "input" && tag.attribute("name") == Some(name));
    field.unwrap_or_else(|| panic!("no field {name} in {html}")).attribute("value").map(str::to_owned)
}

fn read_tag(text: &str) -> (Tag, &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || c == '/' || c == '>';
    let end = text.find(is_end).unwrap_or(text.len());
    let mut tag = Tag { name: text[..end].to_ascii_lowercase(), attributes: Vec::new(), content: String::new() };
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let end = rest.find(|c: char| is_end(c) || c == '=').unwrap_or(rest.len()).max(1);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let (read, left) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len())),
            };
            value = unescaped(read);
            rest = left;
        }
        tag.attributes.push((name, value));
    }
}

/// The text that a browser reads.
pub fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x2F;", "/"),
        ("&amp;", "&"),
    ];
    entities.into_iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[test]
fn a_page_is_read_as_a_browser_reads_it() {
    let page = "<!DOCTYPE html><p class=a b='c \"d'>x<!-- <q> --><!><br/><script nonce=\"n\">if(1<2)'<b>'</script>\
                <INPUT name=\"email\" value=\"&lt;&amp;lt;&quot;\"> 1 < 2 <i";
    assert_eq!(structure(page), ["p class b", "br ", "script nonce", "input name value", "i "]);
    assert_eq!(tags(page)[0].attribute("b"), Some("c \"d"));
    assert_eq!(tags(page)[2].content, "if(1<2)'<b>'");
    assert_eq!(field_value(page, "email").as_deref(), Some("<&lt;\""));
}

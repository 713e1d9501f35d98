use super::*;

#[test]
fn elements_are_read_in_their_order() {
    let xml = "<L><Part><ETag>&quot;a&amp;lt;&quot;</ETag><N>1</N></Part><Part><N> 2 </N></Part><Part><N>3";
    let parts: Vec<_> = raw_elements(xml, "Part").collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(element(parts[0], "ETag").as_deref(), Some("\"a&lt;\""));
    assert_eq!((element(parts[1], "N").as_deref(), element(parts[1], "ETag")), (Some("2"), None));
}

#[test]
fn queries_carry_any_text() {
    assert_eq!(query_of(&[]), "");
    assert_eq!(query_of(&[("uploads", ""), ("uploadId", "a+/=&b")]), "?uploads=&uploadId=a%2B%2F%3D%26b");
}

"""A page as its reader's browser takes it apart."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Elements in order, with their texts; a tag that is left open or closed twice fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and "style" not in self.open:
            self.texts.append((self.open[-1], data.strip()))

    def standing_alone(self):
        """Neither script nor form, and nothing that is fetched."""
        named = {"script", "link", "img", "iframe", "object", "form"} & set(self.tags)
        return not named and not [each for each in self.attributes if each[1] in {"src", "href", "action"} or each[1].startswith("on")]

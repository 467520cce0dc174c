"""The tutorial's page by itself: every command has somebody who runs it, and links lead somewhere."""

import re
import unittest

from tutorial import CHAPTERS, NEEDS, PAGE, ROOT, Block, TutorialError, blocks


class TutorialPage(unittest.TestCase):
    def test_every_block_of_commands_says_who_runs_it(self):
        self.assertEqual(len(blocks()), PAGE.read_text().count("```sh"))
        for block in blocks():
            with self.subTest(line=block.line):
                self.assertTrue(block.chapter in CHAPTERS or block.mark in [f"needs {one}" for one in NEEDS])

    def test_every_chapter_has_commands_and_shows_what_they_print(self):
        for chapter in CHAPTERS:
            self.assertGreater(sum(bool(one.shown) for one in blocks(chapter)), 1, chapter)

    def test_files_and_folders_that_it_names_are_there(self):
        text = PAGE.read_text()
        links = re.findall(r"\]\(([^)#]+)", text)
        paths = re.findall(r"(deploy/[\w./-]+\w)", text)
        for path in [PAGE.parent / one for one in links] + [ROOT / one for one in paths]:
            self.assertTrue(path.exists(), path)

    def test_what_is_printed_is_compared_in_order(self):
        block = Block("laptop", "", "one…\n{three…\n", 1)
        block.check("zero\none and\ntwo\n{three}\nfour\n")
        with self.assertRaises(TutorialError):
            block.check("{three}\none\n")


if __name__ == "__main__":
    unittest.main()

"""What a page says when the server refuses: a title and one sentence with the next thing to do. Pure."""

from __future__ import annotations

from lms_server.errors import ServerError

from .language import Tongue, isolated


def words(tongue: Tongue, error: ServerError) -> tuple[str, str]:
    kept = of_forms(tongue).get(error.code)
    if kept is not None:
        return tongue.gettext("That cannot be kept"), kept
    return {
        "no-such-lesson": (
            tongue.gettext("No such lesson"),
            tongue.gettext("There is no such lesson, or it is not open to you. Look for it in the list."),
        ),
        "bad-page": (
            tongue.gettext("No such page"),
            tongue.gettext("The list has no page at that address. Start again from its top."),
        ),
        "bad-title": (
            tongue.gettext("That cannot be kept"),
            tongue.gettext("A lesson needs a title of 1 to 300 signs, all of them visible. Go back and change it."),
        ),
        "bad-parts": (
            tongue.gettext("That cannot be kept"),
            tongue.gettext(
                "A place looks like 4:07 or 1:02:03, a part ends after it begins and within the lesson, and no two "
                "parts overlap. Go back and change it."
            ),
        ),
        "bad-captions": (
            tongue.gettext("That cannot be kept"),
            tongue.gettext(
                "The file is no WebVTT in UTF-8, or a caption in it cannot be read. Export the captions as .vtt "
                "and try again."
            ),
        ),
        "bad-day": (
            tongue.gettext("No such day"),
            tongue.gettext("That is not a day of the calendar. Choose another one in the list."),
        ),
        "bad-timetable": (
            tongue.gettext("The timetable was not taken"),
            tongue.gettext("The room keeps what it had. What the file lacks, in English: %(why)s")
            % {"why": isolated(error.detail)},
        ),
        "bad-policy": (
            tongue.gettext("That cannot be kept"),
            tongue.gettext("The room keeps what it had. What is wrong, in English: %(why)s")
            % {"why": isolated(error.detail)},
        ),
        "no-such-room": (
            tongue.gettext("No such room"),
            tongue.gettext("There is no such room, or it is not yours. Look for it in the list."),
        ),
        "no-such-alarm": (
            tongue.gettext("No such alarm"),
            tongue.gettext("There is no such alarm, or it is not of your rooms. Look for it in the list."),
        ),
        "not-your-lesson": (
            tongue.gettext("Not yours to change"),
            tongue.gettext("Only who teaches this lesson, an admin or IT may change it."),
        ),
        "not-your-course": (
            tongue.gettext("Not yours to change"),
            tongue.gettext("Only who teaches a course may put lessons into it."),
        ),
        "lesson-held": (
            tongue.gettext("This lesson is held"),
            tongue.gettext("Nothing deletes it until an admin ends the hold on its page."),
        ),
        "no-such-course": (
            tongue.gettext("No such course"),
            tongue.gettext("There is no such course, or you do not take part in it. Look for it in the list."),
        ),
        "bad-scope": (
            tongue.gettext("No token was made"),
            tongue.gettext("Tick at least one thing that the program may do. Go back and try again."),
        ),
        "too-many-tokens": (
            tongue.gettext("No token was made"),
            tongue.gettext("You have as many tokens as one may have. Go back and revoke one that you no longer need."),
        ),
        "no-such-person": (
            tongue.gettext("No such person"),
            tongue.gettext("There is nobody like that, or they are of another institution. Look in the list."),
        ),
        "own-role": (
            tongue.gettext("Not yours to change"),
            tongue.gettext("Nobody changes their own role; another admin can."),
        ),
        "own-account": (
            tongue.gettext("Not yours to change"),
            tongue.gettext("Nobody removes themselves; another admin can."),
        ),
        "course-has-lessons": (
            tongue.gettext("Not empty"),
            tongue.gettext("Lessons are in this course, perhaps in the trash. Put them into another course first."),
        ),
        "term-has-courses": (
            tongue.gettext("Not empty"),
            tongue.gettext("This term has courses. Remove those first."),
        ),
        "no-teacher": (
            tongue.gettext("No card was made"),
            tongue.gettext("Who records lessons has a card; students and programs have none."),
        ),
        "no-institution": (
            tongue.gettext("No card was made"),
            tongue.gettext("A card counts in the rooms of an institution, and this person is of none."),
        ),
        "other-login": (
            tongue.gettext("Not yours to change"),
            tongue.gettext(
                "This person comes by the institution’s own login, which says name and role each time. Change them "
                "there."
            ),
        ),
        "not-allowed": (
            tongue.gettext("Not open to you"),
            tongue.gettext("This page is for those who look after the rooms. Ask them if you need it."),
        ),
    }.get(
        error.code,
        (
            tongue.gettext("That did not work"),
            tongue.gettext("The server cannot show this page. Go back to the list and try again."),
        ),
    )


def of_forms(tongue: Tongue) -> dict[str, str]:
    """What to change in a form about people, terms, courses or how long lessons are kept."""
    how_long = tongue.gettext(
        "Say how many: 1 to 36500 days or 1 to 100 terms, and 1 to 3650 days in the trash. Go back and change it."
    )
    return {
        "bad-name": tongue.gettext("A login has 1 to 100 visible signs, a name at most 200. Go back and change it."),
        "bad-password": tongue.gettext("A password has at least 8 signs. Go back and choose another one."),
        "name-taken": tongue.gettext("Somebody has this login already. Go back and choose another one."),
        "code-taken": tongue.gettext("The term has a course of this code already. Go back and choose another one."),
        "bad-code": tongue.gettext("A code is short, and has letters or digits in it. Go back and change it."),
        "bad-term": tongue.gettext("A term ends after it begins. Go back and change its days."),
        "bad-keep": how_long,
        "bad-days": how_long,
    }

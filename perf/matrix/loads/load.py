"""What a load is to the one that plays it."""

from matrix.plan import turns


class Load:
    """One part of the matrix. An object of it is the load set up, once, for all of its turns."""

    name = ""
    subjects = ()        # in the order of the first round
    setup_seconds = 10   # about

    def __init__(self, area, plan):
        """Sets all up that its turns share, in the area."""
        self.area = area
        self.plan = plan
        self._made = {}

    @classmethod
    def turns(cls, plan):
        chosen = plan.subjects or cls.subjects
        return turns(cls.cases(plan), [name for name in cls.subjects if name in chosen],
                     cls.rounds(plan), lambda case, subject: cls.includes(plan, case, subject))

    @classmethod
    def rounds(cls, plan):
        return plan.rounds

    @classmethod
    def cases(cls, plan):
        raise NotImplementedError

    @classmethod
    def includes(cls, plan, case, subject):  # pylint: disable=unused-argument
        """Whether the subject is measured in this case."""
        return True

    @classmethod
    def seconds(cls, plan, turn):
        """How long the turn takes, about."""
        raise NotImplementedError

    @classmethod
    def directory(cls, plan):  # pylint: disable=unused-argument
        """Where its area must lie, if that matters."""
        return None

    def play(self, turn):
        """The figures of one turn, by name."""
        raise NotImplementedError

    def subject(self, label, make):
        """The one of this label, made when it is first asked for."""
        if label not in self._made:
            self._made[label] = make(label)
        return self._made[label]

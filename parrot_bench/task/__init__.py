"""What a task is and what it asks: everything that a task file or a model of yours needs."""

from parrot_bench.task.card import Kind, Measure, Task
from parrot_bench.task.gold import gold_labels, label_space
from parrot_bench.task.item import Item, Prediction, Status
from parrot_bench.task.labels import Label, Labels, LabelSpace, LabelTree
from parrot_bench.task.prompts import hypothesis, render_prompt, render_tree_prompt
from parrot_bench.task.registry import get_task, get_tasks

__all__ = [
    "Item",
    "Kind",
    "Label",
    "LabelSpace",
    "LabelTree",
    "Labels",
    "Measure",
    "Prediction",
    "Status",
    "Task",
    "get_task",
    "get_tasks",
    "gold_labels",
    "hypothesis",
    "label_space",
    "render_prompt",
    "render_tree_prompt",
]

"""Reading all of a database again, and telling what is wrong with it, without changing anything.

What is written is read in whole, judged by the rules that every reader follows, and replayed into a
replica of its own, whose state is compared with what this process has, and with each checkpoint's.
"""

//! The codes of dispositions: why the server applied, holds, reviews or rejected an entry.

use super::registry::error_codes;

error_codes! {
    /// The code of a disposition's reason ([`crate::entry::Reason`]) that is not a [`super::ProblemCode`].
    ReasonCode {
        // Any entry
        /// The author has filed another version of the entry.
        Superseded = "entry.superseded", Settled, "已由新版本代替", "a newer version took its place";
        /// The author took the entry back.
        Withdrawn = "entry.withdrawn", Settled, "已由本人撤回", "Taken back by its author";
        KindUnknown = "entry.kind_unknown", Version, "服务器尚不认识这类内容，已保存，升级后自动处理", "The server does not know this kind yet; it is kept and applied after an upgrade";
        VersionUnknown = "entry.version_unknown", Version, "由较新版本的应用生成，已保存，服务器升级后自动处理", "Written by a newer app; it is kept and applied after an upgrade";
        Unreadable = "entry.unreadable", Refused, "内容无法识别，请改正后重新提交", "The content cannot be read, mend it and submit again";
        Author = "entry.author", Review, "填报人或岗位与本终端不符", "Author or post are not this terminal's; a person will look at it";
        /// The server was restored from a backup and has no record that the author holds a post.
        Unverified = "entry.unverified", Review, "已保存，服务器从备份恢复后没有该人员的任职记录，由中心核对后生效", "It is kept; since the server was restored from a backup it knows no post of this person, and a person decides";
        WaitsForEntry = "entry.waiting", Waiting, "等待前一条内容到达或处理", "It waits for the entry before it to arrive or to be decided";
        ApplyFailed = "server.apply_failed", Waiting, "已保存，但服务器处理时出错，将继续重试", "It is kept, but the server failed to apply it; it will be tried again";
        WithdrawForeign = "entry.withdraw_foreign", Refused, "只能撤回本人提交的内容", "Only one's own entries can be taken back";
        WithdrawLate = "entry.withdraw_late", Review, "内容已进入办理，能否撤回由中心决定", "It is being handled already; a person will look at the withdrawal";
        ParcelHandedOver = "parcel.handed_over", Review, "终端停用后封存移交的内容，由中心核对后生效", "Handed over sealed after the terminal was revoked; a person decides";
        ReviewAccepted = "review.accepted", Settled, "已由核对人员接受", "Accepted by a reviewer";
        ReviewRejected = "review.rejected", Refused, "经人工核对，未采用", "A person has looked at it; it was not taken";
        // Reports
        CaseRecordTaken = "case.record_taken", Review, "这条记录已是案卷，由中心核对", "The record is a case already; a person will look at it";
        CaseMovedOn = "case.moved_on", Review, "案卷已进入后续环节，由中心决定是否采用", "The case has moved on; a person will look at it";
        // Answers to tasks; handsets also raise `task.unknown` and `task.answer_unknown`
        TaskAnswerUnknown = "task.answer_unknown", Version, "服务器尚不认识这种回答，已保存，升级后自动处理", "The server does not know this answer yet; it is kept";
        TaskUnknown = "task.unknown", Refused, "没有这项任务", "There is no such task";
        TaskRefused = "task.refused", Refused, "经人工核对，回答未采用", "A person has looked at the answer; it was not taken";
        TaskAnswerKind = "task.answer_kind", Refused, "这不是该类任务的回答，请重新回答", "This is no answer to a task of that kind, answer again";
        TaskNotYours = "task.not_yours", Review, "回答时任务不在您的岗位", "The task was not your post's when you answered; a person will look at it";
        TaskLate = "task.late", Review, "回答已迟，由中心决定是否采用您的回答", "Too late; a person will look at your answer";
        // Check-ins
        DutyNotHolder = "duty.not_holder", Review, "现在不是该岗位的持有人", "You do not hold this post now; a person will look at the check-in";
        DutyOver = "duty.over", Settled, "签到已记录；该班次已结束，未改变在岗状态", "It is on record; that duty has ended, so nothing changes now";
        // Activity records; handsets also raise `activity.times` and `activity.participants`
        ActivityReviewed = "activity.reviewed", Review, "活动记录已审核，能否撤回由中心决定", "The record has been reviewed; a person will look at the withdrawal";
        ActivityTitle = "activity.title", Refused, "请填写活动名称（200 字以内）", "give the title, up to 200 characters";
        ActivityCategory = "activity.category", Refused, "请选择活动类别", "choose the kind of activity";
        ActivityPlace = "activity.place", Refused, "请填写活动地点", "say where it was held";
        ActivityOrganiser = "activity.organiser", Refused, "请填写组织单位", "say who organised it";
        ActivityParticipants = "activity.participants", Refused, "参加人数至少 1 人", "at least one participant";
        ActivityTimes = "activity.times", Refused, "请检查活动时间", "the times cannot be right";
        ActivityNotYet = "activity.not_yet", Refused, "活动尚未举行，请在活动后上报", "it has not been held yet, report it afterwards";
        ActivitySummary = "activity.summary", Refused, "小结过长（8000 字以内）", "the summary is too long";
        ActivityAuthor = "activity.author", Refused, "只有本人能修改这条记录", "only its author can mend a record";
        ActivityRecordTaken = "activity.record_taken", Refused, "这条记录已提交，请以修改方式提交", "the record exists, mend it instead";
        ActivityWithdrawn = "activity.withdrawn", Refused, "该活动记录已撤回", "it has been taken back";
    }
}

//! The codes of dispositions: why the server applied, holds, reviews or rejected an entry.

use super::registry::error_codes;

error_codes! {
    /// The code of a disposition's reason ([`crate::entry::Reason`]) that is not a [`super::ProblemCode`].
    ReasonCode {
        // Any entry
        /// The author has filed another version of the entry.
        Superseded = "entry.superseded", Settled, "已由新版本代替，不用处理", "Replaced by a newer version; nothing to do";
        /// The author took the entry back.
        Withdrawn = "entry.withdrawn", Settled, "已由本人撤回，不用处理", "Withdrawn by the author; nothing to do";
        KindUnknown = "entry.kind_unknown", Version, "服务器尚不认识这类内容，已保存，升级后自动处理", "The server does not support this kind of entry yet; it is saved and will be applied after a server upgrade";
        VersionUnknown = "entry.version_unknown", Version, "由较新版本的应用生成，已保存，服务器升级后自动处理", "Created by a newer version of the app; it is saved and will be applied after a server upgrade";
        Unreadable = "entry.unreadable", Refused, "内容无法识别，请改正后重新提交", "The content cannot be read; correct it and submit it again";
        Author = "entry.author", Review, "填报人或岗位与本终端不符，由中心核对，您不用处理", "The author or the post does not belong to this terminal; the centre will check it, you do not need to act";
        /// The server was restored from a backup and has no record that the author holds a post.
        Unverified = "entry.unverified", Review, "已保存，服务器从备份恢复后没有该人员的任职记录，由中心核对后生效", "Saved; after its restore from a backup the server has no record that this person holds a post, so the centre will check the entry before it takes effect";
        WaitsForEntry = "entry.waiting", Waiting, "等待前一条内容到达或处理，您不用处理", "Waiting for an earlier entry to arrive or to be processed; you do not need to act";
        ApplyFailed = "server.apply_failed", Waiting, "已保存，但服务器处理时出错，将继续重试", "Saved, but the server failed to process it; the server will try again";
        WithdrawForeign = "entry.withdraw_foreign", Refused, "只能撤回本人提交的内容，需要时请联系中心", "You can only withdraw your own entries; contact the centre if another one is wrong";
        WithdrawLate = "entry.withdraw_late", Review, "内容已进入办理，能否撤回由中心决定", "The entry is already being handled; the centre decides whether it can be withdrawn";
        ParcelHandedOver = "parcel.handed_over", Review, "终端停用后封存移交的内容，由中心核对后生效", "Handed over in a sealed parcel after the terminal was revoked; the centre will check it before it takes effect";
        ReviewAccepted = "review.accepted", Settled, "已由核对人员接受，不用处理", "Accepted by a reviewer; nothing to do";
        ReviewRejected = "review.rejected", Refused, "经人工核对，未采用，如有疑问请联系中心", "A reviewer checked it and did not accept it; contact the centre if you have questions";
        // Reports
        CaseRecordTaken = "case.record_taken", Review, "这条记录已是案卷，由中心核对", "This record is a case already; the centre will check it";
        CaseMovedOn = "case.moved_on", Review, "案卷已进入后续环节，由中心决定是否采用", "The case has moved on; the centre decides whether this is used";
        // Answers to tasks; handsets also raise `task.unknown` and `task.answer_unknown`
        TaskAnswerUnknown = "task.answer_unknown", Version, "服务器尚不认识这种回答，已保存，升级后自动处理", "The server does not support this answer yet; it is saved and will be applied after a server upgrade";
        TaskUnknown = "task.unknown", Refused, "没有这项任务，请同步后查看任务列表", "There is no such task; sync and look at the task list";
        TaskRefused = "task.refused", Refused, "经人工核对，回答未采用，如有疑问请联系中心", "A reviewer checked your answer and did not accept it; contact the centre if you have questions";
        TaskAnswerKind = "task.answer_kind", Refused, "这不是该类任务的回答，请重新回答", "This is not an answer to this type of task; answer it again";
        TaskNotYours = "task.not_yours", Review, "回答时任务不在您的岗位，由中心决定是否采用您的回答", "The task did not belong to your post when you answered; the centre decides whether your answer is used";
        TaskLate = "task.late", Review, "回答已迟，由中心决定是否采用您的回答", "Your answer came too late; the centre decides whether it is used";
        // Check-ins
        DutyNotHolder = "duty.not_holder", Review, "现在不是该岗位的持有人，由中心核对签到", "You do not hold this post now; the centre will check the check-in";
        DutyOver = "duty.over", Settled, "签到已记录；该班次已结束，未改变在岗状态", "The check-in is recorded; that shift has already ended, so your duty status does not change";
        // Activity records; handsets also raise `activity.times` and `activity.participants`
        ActivityReviewed = "activity.reviewed", Review, "活动记录已审核，能否撤回由中心决定", "The record has already been reviewed; the centre decides whether it can be withdrawn";
        ActivityTitle = "activity.title", Refused, "请填写活动名称（200 字以内）", "enter the title of the activity, up to 200 characters";
        ActivityCategory = "activity.category", Refused, "请选择活动类别", "choose the category of the activity";
        ActivityPlace = "activity.place", Refused, "请填写活动地点", "enter the place of the activity";
        ActivityOrganiser = "activity.organiser", Refused, "请填写组织单位", "enter the organiser";
        ActivityParticipants = "activity.participants", Refused, "参加人数至少 1 人", "enter the number of participants, at least 1";
        ActivityTimes = "activity.times", Refused, "请检查活动时间", "check the times of the activity";
        ActivityNotYet = "activity.not_yet", Refused, "活动尚未举行，请在活动后上报", "the activity has not taken place yet; report it afterwards";
        ActivitySummary = "activity.summary", Refused, "小结过长，请缩短到 8000 字以内", "the summary is too long; shorten it to 8000 characters";
        ActivityAuthor = "activity.author", Refused, "只有本人能修改这条记录，请由填报人修改", "only the author can revise this record; ask the author to do it";
        ActivityRecordTaken = "activity.record_taken", Refused, "这条记录已提交，请以修改方式提交", "this record has already been submitted; submit a revision instead";
        ActivityWithdrawn = "activity.withdrawn", Refused, "该活动记录已撤回，如需要请重新上报", "this activity record was withdrawn; file a new one if needed";
    }
}

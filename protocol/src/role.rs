//! Roles. A person holds roles at an organisation; the scope of each role is that unit and those below it (TJ-02).

crate::text_enum! {
    /// A role. `docs/rules.md` says what each may do: DC-01 to DC-03 for the centre, the SP rules for community sports.
    pub enum Role {
        /// 巡查员 / 监督员
        Patroller = "patroller",
        /// 社区体育管理员
        SportsManager = "sports_manager",
        /// 受理员
        Acceptor = "acceptor",
        /// 值班长
        ShiftLeader = "shift_leader",
        /// 指挥中心
        CommandCentre = "command_centre",
        /// 终端部门
        Department = "department",
        /// 督导 (区/市 群体处)
        Supervisor = "supervisor",
        /// 系统管理员
        Admin = "admin",
        /// 审计员: reads the audit log and nothing else; never the administrator of the same unit
        Auditor = "auditor",
    }
}

impl Role {
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Patroller => "巡查员",
            Self::SportsManager => "社区体育管理员",
            Self::Acceptor => "受理员",
            Self::ShiftLeader => "值班长",
            Self::CommandCentre => "指挥中心",
            Self::Department => "终端部门",
            Self::Supervisor => "督导",
            Self::Admin => "系统管理员",
            Self::Auditor => "审计员",
        }
    }
}
